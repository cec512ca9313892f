//! A stranger's TLS: OpenSSL's own client at our doors, and its commands of our page.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use engine::config::Tls;

use crate::world::{World, login};

/// The version of `openssl`, or why there is none.
fn openssl() -> Option<String> {
    match Command::new("openssl").arg("version").output() {
        Ok(output) if output.status.success() => {
            Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
        }
        _ => {
            println!("skipped: there is no openssl here");
            None
        }
    }
}

/// What `openssl s_client` gets for a login, and what it says of the connection.
fn s_client(world: &World, arguments: &[&str]) -> (Vec<u8>, String) {
    let mut child = Command::new("openssl")
        .args([
            "s_client",
            "-quiet",
            "-verify_return_error",
            "-verify",
            "2",
            "-CAfile",
        ])
        .arg(world.authority.file())
        .args(["-connect", &world.order_entry().to_string()])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it is there");
    let mut input = child.stdin.take().expect("it is piped");
    // It may have ended by itself.
    let _ = input.write_all(&login("A", "demo"));
    let mut output = child.stdout.take().expect("it is piped");
    let mut answer = vec![0; 33];
    // A Login Accepted has so many bytes; none come when there is no connection.
    let is_whole = output.read_exact(&mut answer).is_ok();
    drop(input);
    let _ = child.kill();
    let mut told = String::new();
    let mut errors = child.stderr.take().expect("it is piped");
    errors.read_to_string(&mut told).expect("it is text");
    child.wait().expect("it was started");
    (if is_whole { answer } else { Vec::new() }, told)
}

#[test]
fn openssl_logs_in_by_tls_1_3_and_not_by_1_2() {
    let Some(version) = openssl() else { return };
    println!("{version}");
    let world = World::new();
    let (answer, told) = s_client(&world, &["-tls1_3"]);
    assert_eq!(answer.get(..3), Some(&b"\0\x1FA"[..]), "{told}");
    world.expect("logins", 1);
    let (answer, told) = s_client(&world, &["-tls1_2"]);
    assert!(answer.is_empty(), "{answer:?}");
    assert!(told.contains("protocol version"), "{told}");
    world.expect("untrusted", 1);
    world.stop();
}

/// The page's first commands: they make keys and certificates.
fn page() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/operating/tls.md");
    let page = std::fs::read_to_string(path).expect("it is there");
    let (_, shell) = page.split_once("\n```sh\n").expect("it has commands");
    let (commands, _) = shell.split_once("\n```\n").expect("they end");
    commands.to_owned()
}

#[test]
fn the_commands_of_the_page_make_what_the_exchange_takes() {
    let Some(version) = openssl() else { return };
    println!("{version}");
    let world = World::with(|config, authority| {
        let directory = authority.directory().join("etc");
        std::fs::create_dir(&directory).expect("temporary files can be made");
        let place = directory.to_str().expect("the path is text");
        let script = page().replace("/etc/exchange", place).replace("chown", "true");
        assert!(script.matches("openssl").count() >= 4, "{script}");
        let output = Command::new("bash")
            .args(["-euc", &script])
            .output()
            .expect("there is a shell");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        config.tls = Some(Tls {
            certificate: directory.join("exchange.pem"),
            key: directory.join("exchange.key"),
            client_authority: None,
        });
        std::fs::copy(directory.join("authority.pem"), authority.file()).expect("it was made");
    });
    let (answer, told) = s_client(&world, &["-tls1_3"]);
    assert_eq!(answer.get(..3), Some(&b"\0\x1FA"[..]), "{told}");
    world.stop();
}
