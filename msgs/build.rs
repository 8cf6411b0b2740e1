//! Compiles the schemas in this crate's folders into its types.

fn main() {
    nuncio_codegen::Build::new(".")
        .crate_path("crate")
        .package_features()
        .run();
}
