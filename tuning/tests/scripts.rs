//! The scripts: clean for shellcheck; `apply.sh` and `revert.sh` on hosts made of files, without root.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU64, Ordering};

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Files as the kernel would show them, in a directory that is removed when dropped.
struct Host(PathBuf);

impl Host {
    fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = format!(
            "scripts-{}-{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        let host = Self(Path::new(env!("CARGO_TARGET_TMPDIR")).join(name));
        for (path, content) in [
            ("proc/sys/net/core/rmem_max", "212992"),
            ("proc/sys/net/core/wmem_max", "4194304"),
            ("proc/sys/net/ipv4/udp_mem", "1000\t2000\t3000"),
            ("proc/sys/vm/nr_hugepages", "0"),
            ("proc/sys/vm/swappiness", "60"),
            ("proc/sys/kernel/nmi_watchdog", "1"),
            ("proc/sys/net/ipv4/conf/all/rp_filter", "1"),
            ("proc/sys/net/ipv4/conf/eth0/rp_filter", "0"),
            ("proc/swaps", "Filename\tType\n/swapfile\tfile"),
            ("proc/irq/24/smp_affinity_list", "0-3"),
            ("proc/irq/25/smp_affinity_list", "0"),
            ("sys/class/net/eth0/device/vendor", "0x1af4"),
            ("sys/devices/system/cpu/online", "0-3"),
            (
                "sys/devices/system/cpu/cpu2/cpufreq/scaling_available_governors",
                "performance powersave",
            ),
            (
                "sys/devices/system/cpu/cpu2/cpufreq/scaling_governor",
                "powersave",
            ),
            ("sys/devices/system/cpu/cpu2/cpuidle/state1/latency", "1"),
            ("sys/devices/system/cpu/cpu2/cpuidle/state1/disable", "0"),
            ("sys/devices/system/cpu/cpu2/cpuidle/state2/latency", "170"),
            ("sys/devices/system/cpu/cpu2/cpuidle/state2/disable", "0"),
            (
                "sys/kernel/mm/transparent_hugepage/enabled",
                "always madvise [never]",
            ),
        ] {
            host.write(path, content);
        }
        host
    }

    fn write(&self, path: &str, content: &str) {
        let file = self.0.join(path);
        fs::create_dir_all(file.parent().expect("a file lies in a directory")).expect("it can be written");
        fs::write(file, format!("{content}\n")).expect("it can be written");
    }

    fn read(&self, path: &str) -> String {
        let text = fs::read_to_string(self.0.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        text.trim_end().to_owned()
    }

    /// All files with their text, those of the scripts themselves left out.
    fn files(&self) -> Vec<(PathBuf, String)> {
        let mut found = Vec::new();
        let mut directories = vec![self.0.join("proc"), self.0.join("sys")];
        while let Some(directory) = directories.pop() {
            for entry in fs::read_dir(directory).expect("it is there").flatten() {
                match entry.path().is_dir() {
                    true => directories.push(entry.path()),
                    false => {
                        let text = fs::read_to_string(entry.path()).expect("it is text");
                        found.push((entry.path(), text));
                    }
                }
            }
        }
        found.sort();
        found
    }

    /// A card whose rings and offloads are kept in a file, for the scripts to find as `ethtool`.
    fn with_card(self) -> Self {
        self.write("card", "RX=256\nTX=1024\ngro=on\nlro=on\ntx-udp-segmentation=off");
        let ethtool = r#"#!/bin/sh
set -eu
card=$TUNING_ROOT/card
is() { sed -n "s/^$1=//p" "$card"; }
case $1 in
-g) printf 'Pre-set maximums:\nRX:\t1024\nTX:\t1024\nCurrent hardware settings:\nRX:\t%s\nTX:\t%s\n' "$(is RX)" "$(is TX)" ;;
-k) printf 'Features for eth0:\ngeneric-receive-offload: %s\nlarge-receive-offload: %s\n\ttx-udp-segmentation: %s [fixed]\n' "$(is gro)" "$(is lro)" "$(is tx-udp-segmentation)" ;;
-G) sed -i "s/^$(echo "$3" | tr rtx RTX)=.*/$(echo "$3" | tr rtx RTX)=$4/" "$card" ;;
-K) sed -i "s/^$3=.*/$3=$4/" "$card" ;;
esac
"#;
        self.write("bin/ethtool", ethtool);
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(self.0.join("bin/ethtool"), mode).expect("it is ours");
        self
    }

    fn run(&self, name: &str, arguments: &[&str]) -> (Option<i32>, String) {
        let path = std::env::var("PATH").unwrap_or_default();
        let output = Command::new(script(name))
            .args(arguments)
            .env("TUNING_ROOT", &self.0)
            .env("PATH", format!("{}:{path}", self.0.join("bin").display()))
            .output()
            .expect("there is a shell");
        (output.status.code(), text(&output))
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // What can not be removed stays in the build directory.
        let _ = fs::remove_dir_all(&self.0);
    }
}

const ALL: [&str; 4] = ["--cores", "2-3", "--interface", "eth0"];

#[test]
fn the_scripts_are_clean() {
    let mut command = Command::new("shellcheck");
    command.args(["apply.sh", "revert.sh", "lab.sh"].map(script));
    let Ok(output) = command.output() else {
        eprintln!("skipped: shellcheck is not installed");
        return;
    };
    assert!(output.status.success(), "{}", text(&output));
}

#[test]
fn what_is_applied_is_told_recorded_and_restored() {
    let host = Host::new();
    let before = host.files();
    let (code, told) = host.run("apply.sh", &ALL);
    assert_eq!(code, Some(0), "{told}");
    for (path, value) in [
        ("proc/sys/net/core/rmem_max", "8388608"),
        ("proc/sys/net/core/wmem_max", "4194304"),
        ("proc/sys/net/ipv4/udp_mem", "12288\t16384\t24576"),
        ("proc/sys/vm/nr_hugepages", "9"),
        ("proc/sys/vm/swappiness", "1"),
        ("proc/sys/kernel/nmi_watchdog", "0"),
        ("proc/sys/net/ipv4/conf/all/rp_filter", "2"),
        ("proc/sys/net/ipv4/conf/eth0/rp_filter", "0"),
        ("proc/irq/24/smp_affinity_list", "0,1"),
        ("proc/irq/25/smp_affinity_list", "0"),
        (
            "sys/devices/system/cpu/cpu2/cpufreq/scaling_governor",
            "performance",
        ),
        ("sys/devices/system/cpu/cpu2/cpuidle/state1/disable", "0"),
        ("sys/devices/system/cpu/cpu2/cpuidle/state2/disable", "1"),
        ("sys/kernel/mm/transparent_hugepage/enabled", "madvise"),
    ] {
        assert_eq!(host.read(path), value, "{path}: {told}");
    }
    assert!(
        told.contains("changed    /proc/sys/net/core/rmem_max: 212992 -> 8388608\n"),
        "{told}"
    );
    assert!(told.contains("10 changed, 0 refused"), "{told}");

    let (code, told) = host.run("revert.sh", &[]);
    assert_eq!(code, Some(0), "{told}");
    // The kernel marks the chosen word again; a file does not.
    host.write(
        "sys/kernel/mm/transparent_hugepage/enabled",
        "always madvise [never]",
    );
    assert_eq!(host.files(), before, "{told}");
    let (code, told) = host.run("revert.sh", &[]);
    assert_eq!(code, Some(0));
    assert!(told.starts_with("nothing is recorded in "), "{told}");
}

#[test]
fn applying_again_changes_nothing_and_keeps_the_first_values() {
    let host = Host::new();
    host.run("apply.sh", &ALL);
    let state = host.read("var/lib/exchange-tuning/state");
    let (code, told) = host.run("apply.sh", &ALL);
    assert_eq!(
        (code, told.as_str()),
        (Some(0), "everything that exists here is so already\n")
    );
    // Somebody else changed it meanwhile: it is applied again, and what was there first stays recorded.
    host.write("proc/sys/net/core/rmem_max", "300000");
    let (_, told) = host.run("apply.sh", &ALL);
    assert!(told.contains("1 changed"), "{told}");
    assert_eq!(host.read("var/lib/exchange-tuning/state"), state);
    host.run("revert.sh", &[]);
    assert_eq!(host.read("proc/sys/net/core/rmem_max"), "212992");
}

#[test]
fn a_dry_run_tells_and_changes_nothing() {
    let host = Host::new().with_card();
    let before = host.files();
    let (code, told) = host.run("apply.sh", &[&ALL[..], &["--dry-run"]].concat());
    assert_eq!(code, Some(0), "{told}");
    assert!(
        told.contains("would      /proc/sys/vm/nr_hugepages: 0 -> 9\n"),
        "{told}"
    );
    assert!(
        told.contains("would      ethtool -G eth0 rx: 256 -> 1024\n"),
        "{told}"
    );
    assert!(told.ends_with("nothing was changed\n"), "{told}");
    assert_eq!(host.files(), before);
    assert!(!host.0.join("var").exists());

    host.run("apply.sh", &ALL);
    let applied = host.files();
    let (_, told) = host.run("revert.sh", &["--dry-run"]);
    assert!(
        told.contains("would      /proc/sys/vm/nr_hugepages: 0\n"),
        "{told}"
    );
    assert_eq!(host.files(), applied);
}

#[test]
fn a_card_is_changed_and_restored() {
    let host = Host::new().with_card();
    let before = host.read("card");
    let (_, told) = host.run("apply.sh", &ALL);
    let after = host.read("card");
    assert_eq!(
        after, "RX=1024\nTX=1024\ngro=on\nlro=off\ntx-udp-segmentation=off",
        "{told}"
    );
    let (code, told) = host.run("revert.sh", &[]);
    assert_eq!(code, Some(0), "{told}");
    assert_eq!(host.read("card"), before);
}

#[test]
fn what_can_not_be_restored_stays_recorded() {
    let host = Host::new();
    host.run("apply.sh", &[]);
    let file = host.0.join("proc/sys/vm/nr_hugepages");
    fs::remove_file(&file).expect("it is there");
    fs::create_dir(&file).expect("it is gone");
    let (code, told) = host.run("revert.sh", &[]);
    assert_eq!(code, Some(1), "{told}");
    assert!(
        told.contains("refused    /proc/sys/vm/nr_hugepages: 0\n"),
        "{told}"
    );
    assert_eq!(host.read("proc/sys/net/core/rmem_max"), "212992");
    assert_eq!(
        host.read("var/lib/exchange-tuning/state"),
        "file\t/proc/sys/vm/nr_hugepages\t0"
    );
    fs::remove_dir(&file).expect("it is empty");
    host.write("proc/sys/vm/nr_hugepages", "9");
    let (code, told) = host.run("revert.sh", &[]);
    assert_eq!(code, Some(0), "{told}");
    assert_eq!(host.read("proc/sys/vm/nr_hugepages"), "0");
}

#[test]
fn what_does_not_exist_is_left_alone() {
    let host = Host::new();
    fs::remove_dir_all(host.0.join("proc")).expect("it is there");
    fs::remove_dir_all(host.0.join("sys/kernel")).expect("it is there");
    let (code, told) = host.run("apply.sh", &[]);
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("1 changed"), "{told}");
}

#[test]
fn nonsense_is_refused() {
    let host = Host::new();
    for arguments in [
        &["--cores"][..],
        &["--cores", "2;reboot"],
        &["--cores", "9"],
        &["--cores", "0-3"],
        &["--interface", "eth7"],
        &["--data", "/nowhere/at/all"],
        &["everything"],
    ] {
        let (code, told) = host.run("apply.sh", arguments);
        assert_eq!(code, Some(2), "{arguments:?}: {told}");
    }
    for (name, arguments) in [
        ("revert.sh", &["all"][..]),
        ("lab.sh", &[]),
        ("lab.sh", &["run", "nobody", "true"]),
        ("lab.sh", &["loss", "half"]),
        ("lab.sh", &["loss", "101"]),
    ] {
        let (code, told) = host.run(name, arguments);
        assert_eq!(code, Some(2), "{name} {arguments:?}: {told}");
    }
}
