//! `router`: Zenoh's router in this process, until it is told to end; see [`nuncio::router`].

use nuncio::{Domain, LinkConfig, Router, TlsFiles};

use super::{CommandError, Outcome};
use crate::answers::program::RouterReady;
use crate::cli::GlobalArgs;
use crate::interrupt::Interrupt;
use crate::render::Render;

/// Routes. No key is needed for that: a router signs nothing, and the keystore is looked at for TLS files only.
pub(super) async fn run(global: &GlobalArgs, render: &Render) -> Result<Outcome, CommandError> {
    let mut interrupt = Interrupt::listen()?;
    let keystore = global.keystore_dir().ok();
    let config = LinkConfig {
        listen: global.listen.clone(),
        connect: global.connect.clone(),
        discovery: global.discovery,
        tls: keystore.map(|dir| TlsFiles::new(&dir, global.tls.as_deref())),
        shared_memory: None,
        frame_len_max: None,
    };
    route(&config, &global.domain, render, &mut interrupt).await
}

/// Routes until it is told to end.
pub(super) async fn route(
    config: &LinkConfig,
    domain: &Domain,
    render: &Render,
    interrupt: &mut Interrupt,
) -> Result<Outcome, CommandError> {
    let router = Router::open(config, domain).await?;
    let locators = router.locators().await;
    if render.is_json() {
        render.answer(&RouterReady {
            event: "ready",
            locators: &locators,
            domain: domain.as_str(),
            discovery: router.discovery(),
        })?;
        render.flush()?;
    }
    render.note(format!(
        "ready at {} for nodes of domain {domain}; discovery: {}",
        locators.join(" "),
        router.discovery()
    ));
    interrupt.wished().await;
    router.close().await?;
    Ok(Outcome::Found)
}
