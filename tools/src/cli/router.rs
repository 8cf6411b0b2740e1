//! What `router` accepts: nothing but the options of every command.

/// Pass on what nodes of this machine send, so that each has one link instead of one with each other
///
/// Nodes that start afterwards, with --discovery local, or auto where there is no multicast, find it by themselves and
/// have their only link with it. Nodes that run go on as they are, and are linked with it, too. Others reach it with
/// --connect. When it is gone, it is enough to start it anew where it listened; when nobody does, one of its clients takes
/// its place in two to three seconds. A router is no evidence of anything: receivers verify as ever.
///
/// Without --listen it listens on tcp/127.0.0.1:7447, or on any port of 127.0.0.1 when that is taken. It ends with
/// Ctrl-C; --timeout and --trust-mode have no meaning here.
#[derive(Debug, clap::Args)]
pub(crate) struct Router {}
