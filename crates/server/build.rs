//! Has the server built again when the pages were.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let built = "../../web/dist";
    if std::fs::exists(built).unwrap_or(false) {
        println!("cargo:rerun-if-changed={built}");
    } else {
        println!("cargo:rerun-if-changed=../../web");
    }
}
