//! Compiles the folder `interfaces`.

fn main() {
    nuncio_codegen::build("interfaces");
}
