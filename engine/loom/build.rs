//! The pieces are small here: `cfg(loom)` is for this package only, so that the plain `cargo test` runs its tests.

fn main() {
    println!("cargo::rustc-cfg=loom");
    println!("cargo::rerun-if-changed=build.rs");
}
