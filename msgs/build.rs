//! Compiles the schemas in this crate's folders into its types.

fn main() {
    let mut build = nuncio_codegen::Build::new(".").crate_path("crate").package_features();
    if std::env::var_os("CARGO_FEATURE_SERVICE_EVENTS").is_some() {
        build = build.service_events();
    }
    build.run();
}
