//! Makes the messages and the services of the gRPC face from their .proto file, without a `protoc` to install.

use std::env;
use std::error::Error;
use std::fs;
use std::path::Path;

use prost::Message as _;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=proto");
    let described = protox::compile(["nuncio/bridge/v1/bridge.proto"], ["proto"])?;
    let out = env::var("OUT_DIR")?;
    // What server reflection tells.
    fs::write(Path::new(&out).join("bridge.binpb"), described.encode_to_vec())?;
    tonic_prost_build::configure()
        .build_transport(false)
        .bytes(".")
        .compile_fds(described)?;
    Ok(())
}
