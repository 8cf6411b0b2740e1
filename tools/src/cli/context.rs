//! What `context` accepts.

use clap::{ArgGroup, Subcommand};

use crate::contexts::ContextName;

#[derive(Debug, Subcommand)]
pub(crate) enum ContextCommand {
    /// List the contexts; the one in use is marked
    List,
    /// Print what a context says; without NAME the one in use
    Show(ContextShow),
    /// Make a context of the options that stand beside it, or replace the one of that name
    ///
    /// The options are --domain, --connect, --listen, --discovery, --tls, --trust-mode and --keystore.
    #[command(after_help = "Examples:\n  \
        nuncio context set robot7 --connect tls/robot7.local:7447 --keystore ~/keys/robot7\n  \
        nuncio context use robot7\n  \
        nuncio topic list                    # on robot7\n  \
        nuncio --context lab topic list      # this once on another one")]
    Set(ContextNamed),
    /// Use a context from now on, or none
    Use(ContextUse),
    /// Remove a context
    Remove(ContextNamed),
}

#[derive(Debug, clap::Args)]
pub(crate) struct ContextShow {
    /// The context, such as robot7
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<ContextName>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ContextNamed {
    /// The context, such as robot7
    #[arg(value_name = "NAME")]
    pub(crate) name: ContextName,
}

#[derive(Debug, clap::Args)]
#[command(group(ArgGroup::new("which").required(true).args(["name", "none"])))]
pub(crate) struct ContextUse {
    /// The context, such as robot7
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<ContextName>,
    /// Use none
    #[arg(long)]
    pub(crate) none: bool,
}
