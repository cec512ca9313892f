//! The program and the script want the same: what `doctor` says that `apply.sh` changes is good behind it.

use std::fs;
use std::path::Path;
use std::process::Command;

use tuning::checks::Wishes;
use tuning::finding::Verdict;
use tuning::measure::Measurements;

use crate::tree::Tree;
use crate::{BAD, cores, look};

/// These need a card or a disk, which a file is not: `tests/scripts.rs` has a card for them.
const BY_COMMANDS: [&str; 3] = ["interface-rings", "interface-offloads", "disk-scheduler"];

#[test]
fn what_the_script_is_said_to_change_is_good_behind_it() {
    let tree = Tree::new(BAD);
    let wishes = Wishes {
        interface: Some("eth0".to_owned()),
        cores: cores("2"),
        data: None,
    };
    // With it running interrupts are never said to be good.
    tree.remove("/proc/812");
    tree.write(
        "/sys/devices/system/cpu/cpu2/cpufreq/scaling_available_governors",
        "performance powersave",
    );
    tree.write("/sys/devices/system/cpu/cpu2/cpuidle/state2/disable", "0");
    tree.write("/proc/sys/vm/nr_hugepages", "1");
    // What was lost before is still counted behind it.
    tree.write("/proc/net/softnet_stat", "0000aaaa 00000000");
    let said: Vec<_> = look(&tree, &wishes, &Measurements::default())
        .into_iter()
        .filter(|(key, finding)| {
            let command = finding.command.as_deref().unwrap_or_default();
            command.contains("apply.sh") && !BY_COMMANDS.contains(key)
        })
        .map(|(key, _)| key)
        .collect();
    assert!(said.len() >= 12, "{said:?}");

    let output = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("apply.sh"))
        .args(["--cores", "2", "--interface", "eth0"])
        .env("TUNING_ROOT", tree.root())
        .output()
        .expect("there is a shell");
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}");
    // The kernel would do as it is told, and count them here.
    let pages = fs::read_to_string(tree.root().join("proc/sys/vm/nr_hugepages")).expect("it is there");
    tree.write(
        "/proc/meminfo",
        &format!("HugePages_Total: {pages}HugePages_Free: {pages}"),
    );
    let found = look(&tree, &wishes, &Measurements::default());
    for key in said {
        assert_eq!(
            found[key].verdict,
            Verdict::Good,
            "{key}: {:?}\n{told}",
            found[key]
        );
    }
}
