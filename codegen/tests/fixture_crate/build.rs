//! Compiles the fixtures, one package for each hazard.

fn main() {
    nuncio_codegen::Build::new("interfaces")
        .module("interfaces")
        .service_events()
        .run();
}
