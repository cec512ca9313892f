//! The good host with one thing changed: what becomes of the knob that it belongs to.

use Verdict::{Bad, CanNotBeSeen, CouldBeBetter, Good, NotApplicable};
use tuning::finding::Verdict;

use crate::tree::Tree;
use crate::{GOOD, disk, look, wishes};

/// Changes of a host: file, its new text (`None` takes it away).
type Changes = &'static [(&'static str, Option<&'static str>)];

#[test]
fn one_change_changes_one_verdict() {
    let cases: &[(Changes, &str, Verdict, &str)] = &[
        (
            &[("/proc/cmdline", Some("isolcpus=2-5 nohz_full=2-4"))],
            "isolated-cores",
            CouldBeBetter,
            "ticks: 5; with callbacks of RCU: 2-5",
        ),
        (
            &[("/sys/devices/system/cpu/isolated", None)],
            "isolated-cores",
            CanNotBeSeen,
            "isolated",
        ),
        (
            &[("/proc/self/status", Some("Cpus_allowed_list:\t0-1,6"))],
            "allowed-cores",
            CouldBeBetter,
            "0-1,6 of 0-7",
        ),
        (
            &[
                (
                    "/sys/devices/system/cpu/cpu2/topology/thread_siblings_list",
                    Some("2,6"),
                ),
                (
                    "/sys/devices/system/cpu/cpu6/topology/thread_siblings_list",
                    Some("2,6"),
                ),
            ],
            "smt-siblings",
            CouldBeBetter,
            "2 with 6",
        ),
        (
            &[(
                "/sys/devices/system/cpu/cpu3/cpufreq/scaling_governor",
                Some("schedutil"),
            )],
            "frequency-governor",
            CouldBeBetter,
            "performance, schedutil",
        ),
        (
            &[("/sys/devices/system/cpu/cpu2/cpuidle/state2/disable", Some("0"))],
            "idle-states",
            CouldBeBetter,
            "C6, 170 us",
        ),
        (
            &[("/sys/devices/system/cpu/cpu2/cpuidle", None)],
            "idle-states",
            NotApplicable,
            "do not sleep",
        ),
        (
            &[("/proc/irq/31/effective_affinity_list", Some("3"))],
            "interrupts",
            CouldBeBetter,
            "1: 31 (eth0-rx-0) on 3",
        ),
        (
            &[("/proc/77/comm", Some("irqbalance"))],
            "interrupts",
            CouldBeBetter,
            "irqbalance runs",
        ),
        (
            &[(
                "/sys/devices/system/clocksource/clocksource0/current_clocksource",
                Some("kvm-clock"),
            )],
            "clock-source",
            CouldBeBetter,
            "kvm-clock",
        ),
        (
            &[(
                "/sys/devices/system/clocksource/clocksource0/current_clocksource",
                Some("acpi_pm"),
            )],
            "clock-source",
            Bad,
            "acpi_pm",
        ),
        (
            &[("/proc/cpuinfo", Some("flags : tsc"))],
            "clock-source",
            CouldBeBetter,
            "stops in sleep",
        ),
        (
            &[
                ("/proc/cpuinfo", Some("flags : hypervisor")),
                ("/proc/stat", Some("cpu  1000 0 0 0 0 0 0 20")),
            ],
            "stolen-time",
            CouldBeBetter,
            "1.96 %",
        ),
        (
            &[("/proc/meminfo", Some("HugePages_Total: 0\nHugePages_Free: 0"))],
            "huge-pages",
            CouldBeBetter,
            "none reserved",
        ),
        (
            &[(
                "/sys/kernel/mm/transparent_hugepage/enabled",
                Some("always madvise [never]"),
            )],
            "transparent-huge-pages",
            CouldBeBetter,
            "never",
        ),
        (
            &[("/proc/self/limits", Some("Max locked memory  65536  65536 bytes"))],
            "locked-memory",
            CouldBeBetter,
            "64 KiB",
        ),
        (
            &[
                ("/proc/self/limits", Some("Max locked memory  65536  65536 bytes")),
                (
                    "/proc/self/status",
                    Some("CapEff:\t0000000000004000\nCpus_allowed_list:\t0-7"),
                ),
            ],
            "locked-memory",
            Good,
            "any amount",
        ),
        (
            &[
                ("/proc/swaps", Some("Filename\n/swapfile file 1 0 -2")),
                ("/proc/sys/vm/swappiness", Some("1")),
            ],
            "swap",
            Good,
            "/swapfile",
        ),
        (
            &[("/proc/sys/net/core/rmem_max", Some("1048576"))],
            "receive-buffer",
            CouldBeBetter,
            "1048576",
        ),
        (
            &[("/proc/sys/net/core/rmem_max", Some("65536"))],
            "receive-buffer",
            Bad,
            "65536",
        ),
        (
            &[("/proc/sys/net/core/rmem_max", Some("rubbish"))],
            "receive-buffer",
            CanNotBeSeen,
            "rmem_max",
        ),
        (
            &[("/proc/sys/net/core/wmem_max", Some("212992"))],
            "send-buffer",
            CouldBeBetter,
            "212992",
        ),
        (
            &[("/proc/sys/net/ipv4/udp_mem", Some("1 2"))],
            "udp-memory",
            CanNotBeSeen,
            "udp_mem",
        ),
        (
            &[("/proc/net/softnet_stat", Some("0000aaaa 00000003"))],
            "backlog",
            CouldBeBetter,
            "3 packets",
        ),
        (
            &[("/sys/class/net/eth0/flags", Some("0x3"))],
            "interface-state",
            Bad,
            "no multicast",
        ),
        (
            &[("/sys/class/net/eth0/statistics/rx_dropped", Some("7"))],
            "interface-state",
            CouldBeBetter,
            "rx_dropped 7",
        ),
        (
            &[("/sys/class/net/eth0", None)],
            "interface-state",
            Bad,
            "no interface eth0",
        ),
        (
            &[("/sys/class/net/eth0/queues/rx-1", None)],
            "interface-queues",
            CouldBeBetter,
            "1 receive, 1 transmit",
        ),
        (
            &[("/sys/class/net/eth0/device", None)],
            "interface-rings",
            NotApplicable,
            "no card",
        ),
        (
            &[("/commands/ethtool -g eth0", None)],
            "interface-rings",
            CanNotBeSeen,
            "ethtool -g eth0",
        ),
        (
            &[(
                "/commands/ethtool -k eth0",
                Some("Features for eth0:\ngeneric-receive-offload: off"),
            )],
            "interface-offloads",
            CouldBeBetter,
            "generic-receive-offload off",
        ),
        (
            &[(
                "/commands/ethtool -k eth0",
                Some("Features for eth0:\ntx-udp-segmentation: off [fixed]"),
            )],
            "interface-offloads",
            Good,
            "off [fixed]",
        ),
        (
            &[(
                "/proc/net/route",
                Some("Iface\neth1 00000000 010200C0 0003 0 0 0 00000000 0 0 0"),
            )],
            "multicast-route",
            CouldBeBetter,
            "default route, by eth1",
        ),
        (
            &[(
                "/proc/net/route",
                Some("Iface\neth0 000000E0 00000000 0001 0 0 0 000000E0 0 0 0"),
            )],
            "multicast-route",
            CouldBeBetter,
            "a route of /3 by eth0",
        ),
        (
            &[("/proc/net/route", Some("Iface"))],
            "multicast-route",
            CouldBeBetter,
            "no route",
        ),
        (
            &[
                ("/proc/sys/net/ipv4/conf/all/rp_filter", Some("1")),
                ("/proc/sys/net/ipv4/conf/eth0/rp_filter", Some("0")),
            ],
            "multicast-membership",
            CouldBeBetter,
            "rp_filter 1",
        ),
        (
            &[("/proc/sys/net/ipv4/igmp_max_memberships", Some("1"))],
            "multicast-membership",
            Bad,
            "up to 1 groups",
        ),
        (
            &[("/proc/sys/kernel/io_uring_disabled", Some("2"))],
            "io_uring",
            CouldBeBetter,
            "disabled=2",
        ),
        (
            &[(
                "/proc/self/limits",
                Some("Max open files  unlimited unlimited files"),
            )],
            "open-files",
            Good,
            "unlimited",
        ),
        (
            &[(
                "/proc/self/mountinfo",
                Some("21 1 0:9 / / rw - overlay overlay rw"),
            )],
            "file-system",
            CouldBeBetter,
            "overlay at /",
        ),
        (
            &[("/proc/self/mountinfo", Some("21 1 0:9 / / rw - nfs4 far:/ rw"))],
            "file-system",
            Bad,
            "nfs4 at /",
        ),
        (
            &[(
                "/proc/self/mountinfo",
                Some("21 1 8:1 / / rw - ext4 /dev/sda1 rw,sync"),
            )],
            "file-system",
            CouldBeBetter,
            "ext4 at /",
        ),
        (
            &[("/sys/dev/block/259:3/queue/write_cache", Some("write back"))],
            "write-cache",
            CouldBeBetter,
            "write back, no moving parts",
        ),
        (
            &[("/sys/dev/block/259:3/queue/scheduler", Some("none [mq-deadline]"))],
            "disk-scheduler",
            CouldBeBetter,
            "mq-deadline",
        ),
        (
            &[
                ("/sys/dev/block/259:3/queue/scheduler", Some("none [mq-deadline]")),
                ("/sys/dev/block/259:3/queue/rotational", Some("1")),
            ],
            "disk-scheduler",
            Good,
            "mq-deadline",
        ),
    ];
    for (changes, key, verdict, part) in cases {
        let tree = Tree::new(GOOD);
        for (path, content) in *changes {
            match content {
                Some(content) => tree.write(path, content),
                None => tree.remove(path),
            }
        }
        let found = look(&tree, &wishes(), &disk(0.5));
        let finding = &found[key];
        assert_eq!(finding.verdict, *verdict, "{changes:?}: {finding:?}");
        assert!(finding.found.contains(part), "{changes:?}: {finding:?}");
    }
}
