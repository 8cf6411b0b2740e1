//! `link invite`: prints a code, waits for those who have it, and goes on as the router; see [`crate::link`].

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex};

use nuncio::security::time_text::utc_text;
use nuncio::{Discovery, LinkConfig, TlsFiles, clock};
use tokio::net::TcpListener;
use tokio::time::Instant;

use super::{CommandError, Outcome, router};
use crate::answers::link::LinkInviteEvent;
use crate::cli::{GlobalArgs, LinkInvite};
use crate::interrupt::Interrupt;
use crate::link::acquaintance::check_given_roles;
use crate::link::inviter::{Ended, Invitation, Joined, Knock};
use crate::link::{HOSTS_MAX, HostName, LinkCode, Secret, TlsFolder, fingerprint, is_host, reachable_hosts};
use crate::render::{Render, count};
use crate::trust_home::TrustHome;

/// Where the router listens unless it is said.
const LISTEN: &str = "tls/0.0.0.0:7447";

/// How many who did not join are told of.
const KNOCKS_TOLD_MAX: usize = 20;

pub(super) async fn run(global: &GlobalArgs, render: &Render, args: LinkInvite) -> Result<Outcome, CommandError> {
    let mut interrupt = Interrupt::listen()?;
    let place = Place::find(global, &args).await?;
    let (invitation, certificate) = invite(global, render, &args, &place)?;
    let Place {
        listener,
        listen,
        router_is_there,
        ..
    } = place;
    let ends = Instant::now() + args.expires;
    let (mut joined, mut knocks) = (0, 0);
    let tell = |came: Result<Joined, Knock>| match came {
        Ok(who) => {
            joined += 1;
            tell_joined(render, who)
        }
        Err(knock) => {
            knocks += 1;
            if knocks <= KNOCKS_TOLD_MAX {
                render.warning(knock);
            }
            Ok(())
        }
    };
    let waiting = invitation.wait((listener, &certificate), ends, &mut interrupt, tell);
    let ended = waiting.await?;
    if knocks > KNOCKS_TOLD_MAX {
        render.warning(format!("{} more have not joined", knocks - KNOCKS_TOLD_MAX));
    }
    if ended == Ended::Expired {
        render.note(format!(
            "the code has expired; {} joined with it",
            count(joined, "host")
        ));
    }
    if joined == 0 {
        return Ok(Outcome::Nothing);
    }
    if ended == Ended::Interrupted || router_is_there {
        return Ok(Outcome::Found);
    }
    let config = router_config(global, &listen)?;
    let listen: Vec<String> = config
        .listen
        .iter()
        .map(|endpoint| format!("--listen {endpoint}"))
        .collect();
    render.note(format!(
        "after this, `nuncio router {}` starts the router",
        listen.join(" ")
    ));
    if args.no_router {
        return Ok(Outcome::Found);
    }
    router::route(&config, &global.domain, render, &mut interrupt).await
}

/// Makes what is missing of the certificates, and prints the code. Gives what stands behind it, and this host's certificate.
fn invite(
    global: &GlobalArgs,
    render: &Render,
    args: &LinkInvite,
    place: &Place,
) -> Result<(Arc<Invitation>, String), CommandError> {
    let home = TrustHome::open(global)?;
    check_given_roles(&home, &args.roles)?;
    let own = args
        .own_name
        .clone()
        .or_else(HostName::of_machine)
        .ok_or(InviteError::NoName)?;
    let identity = home.keystore.identity()?;
    let folder = TlsFolder::of(global, &home.keystore);
    let authority = folder.authority(&home, args.anchor.as_ref(), &args.passphrase)?;
    let certified = folder.certify_self(&identity, &authority, &place.hosts, args.days)?;
    let expires_ns = clock::now_ns().saturating_add(i64::try_from(args.expires.as_nanos()).unwrap_or(i64::MAX));
    let code = LinkCode {
        ends_s: u32::try_from(expires_ns / 1_000_000_000).unwrap_or(u32::MAX),
        door: place.door,
        port: place.port,
        fingerprint: fingerprint(&certified.certificate)?,
        secret: Secret::new()?,
        name: own.clone(),
        domain: global.domain.clone(),
        hosts: place.hosts.clone(),
    };
    invited(render, args, &code, &identity.public_key().to_string(), expires_ns)?;
    place.tell(render);
    if certified.is_new && place.router_is_there {
        render.warning("this host's certificate is new: start the router that runs on it anew, before others connect");
    }
    let invitation = Invitation {
        global: global.clone(),
        own,
        identity,
        authority,
        authority_certificate: certified.authority,
        secret: code.secret,
        count: usize::from(args.count),
        roles: args.roles.clone(),
        days: args.days,
        guests: Mutex::default(),
    };
    Ok((Arc::new(invitation), certified.certificate))
}

/// Prints the code: one line on stdout, and what to do with it beside.
fn invited(
    render: &Render,
    args: &LinkInvite,
    code: &LinkCode,
    key: &str,
    expires_ns: i64,
) -> Result<(), CommandError> {
    if render.is_json() {
        let event = LinkInviteEvent::Invited {
            code: code.to_string(),
            name: code.name.to_string(),
            key: key.to_owned(),
            domain: code.domain.to_string(),
            fingerprint: blake3::Hash::from_bytes(code.fingerprint).to_string(),
            doors: code.hosts.iter().map(|host| code.door_at(host)).collect(),
            endpoints: code.hosts.iter().map(|host| code.endpoint(host)).collect(),
            expires: utc_text(expires_ns),
        };
        render.answer(&event)?;
    } else {
        render.line(None, &code.to_string())?;
    }
    render.flush()?;
    render.note(format!(
        "on the other host: `nuncio link accept CODE`; this code is good for {}, for {}, and whoever has it may join",
        humantime::format_duration(args.expires),
        count(usize::from(args.count), "host")
    ));
    render.note(format!("this host is {}, with the key {key}", code.name));
    Ok(())
}

fn tell_joined(render: &Render, who: Joined) -> Result<(), CommandError> {
    render.note(format!(
        "{} has joined from {}, with the key {}; it is {}",
        who.name,
        who.from,
        who.key,
        who.remembered.in_words(&who.name)
    ));
    if render.is_json() {
        let event = LinkInviteEvent::Joined {
            name: who.name.to_string(),
            key: who.key.to_string(),
            from: who.from.to_string(),
            remembered: who.remembered,
        };
        render.answer(&event)?;
    } else {
        render.line(None, &format!("joined  {}  {}", who.name, who.key))?;
    }
    Ok(render.flush()?)
}

/// Where the invitation stands, and where the router will.
#[derive(Debug)]
struct Place {
    listener: TcpListener,
    /// The port of the invitation.
    door: u16,
    /// The port of the router.
    port: u16,
    /// Somebody listens on that already.
    router_is_there: bool,
    hosts: Vec<String>,
    /// All that the router listens on.
    listen: Vec<String>,
}

impl Place {
    async fn find(global: &GlobalArgs, args: &LinkInvite) -> Result<Self, CommandError> {
        let mut listen = global.listen.clone();
        if listen.is_empty() {
            listen.push(LISTEN.to_owned());
        }
        let (host, port) = listen
            .iter()
            .find_map(|endpoint| host_and_port(endpoint))
            .ok_or_else(|| InviteError::NotTls {
                found: listen.join(" "),
            })?;
        let hosts = match args.at.as_slice() {
            [] => reachable_hosts(host),
            at => at.to_vec(),
        };
        if let Some(wrong) = hosts.iter().find(|host| !is_host(host)) {
            return Err(InviteError::NoHost { found: wrong.clone() }.into());
        }
        if hosts.is_empty() || hosts.len() > HOSTS_MAX {
            return Err(InviteError::Hosts { found: hosts.len() }.into());
        }
        let there = TcpListener::bind(format!("{host}:{port}")).await;
        let router_is_there = matches!(&there, Err(error) if error.kind() == io::ErrorKind::AddrInUse);
        let listener = match (args.door, there) {
            (Some(door), _) if door != port => TcpListener::bind(format!("{host}:{door}")).await?,
            (None, Err(_)) if router_is_there => TcpListener::bind(format!("{host}:0")).await?,
            (_, there) => there?,
        };
        Ok(Self {
            door: listener.local_addr()?.port(),
            port,
            router_is_there,
            hosts,
            listener,
            listen,
        })
    }

    /// Says where the other host has to get through.
    fn tell(&self, render: &Render) {
        if self.router_is_there {
            render.note(format!(
                "port {} is taken, by the router I suppose, which goes on; the invitation stands at port {}, which a firewall \
                 has to let through (--door PORT chooses it)",
                self.port, self.door
            ));
        }
    }
}

/// The router as it goes on: where others reach it by TLS, and where the nodes of this machine find it.
fn router_config(global: &GlobalArgs, listen: &[String]) -> Result<LinkConfig, CommandError> {
    let mut listen = listen.to_vec();
    let is_for_others_alone = listen.iter().all(|endpoint| endpoint.starts_with("tls/"));
    if is_for_others_alone && global.discovery != Some(Discovery::Off) {
        let reserved = nuncio::local_registry::reserve_loopback_port()?;
        listen.push(reserved.locator());
    }
    Ok(LinkConfig {
        listen,
        connect: Vec::new(),
        discovery: global.discovery,
        tls: Some(TlsFiles::new(&global.keystore_dir()?, global.tls.as_deref())),
        shared_memory: None,
        frame_len_max: None,
    })
}

/// The host and the port of a TLS endpoint.
fn host_and_port(endpoint: &str) -> Option<(&str, u16)> {
    let address = endpoint.strip_prefix("tls/")?.split(['#', '?']).next()?;
    let (host, port) = address.rsplit_once(':')?;
    Some((host, port.parse().ok().filter(|port| *port != 0)?))
}

/// Why nobody can be invited.
#[derive(Debug)]
enum InviteError {
    /// No endpoint that can be put into a code.
    NotTls { found: String },
    /// The machine has no name that is good for one.
    NoName,
    /// A host is no host.
    NoHost { found: String },
    /// No addresses, or too many.
    Hosts { found: usize },
}

impl fmt::Display for InviteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotTls { found } => write!(
                f,
                "expected a TLS endpoint with a port to listen on, such as --listen {LISTEN}, found {found}"
            ),
            Self::NoName => f.write_str("this machine has no name that is good for one; give it one with --as NAME"),
            Self::NoHost { found } => write!(
                f,
                "expected a name or an address of this machine, such as robot7.local or 192.168.1.5, found {found:?}"
            ),
            Self::Hosts { found } => write!(
                f,
                "a code holds 1 to {HOSTS_MAX} names and addresses of this machine, found {found}; say them with --at HOST"
            ),
        }
    }
}

impl Error for InviteError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_tls_endpoint_with_a_port_goes_into_a_code() {
        assert_eq!(host_and_port("tls/0.0.0.0:7447"), Some(("0.0.0.0", 7447)));
        assert_eq!(host_and_port("tls/[::]:7447#iface=eth0"), Some(("[::]", 7447)));
        for endpoint in ["tcp/0.0.0.0:7447", "tls/0.0.0.0", "tls/0.0.0.0:0", "tls/a:b"] {
            assert_eq!(host_and_port(endpoint), None, "{endpoint}");
        }
    }
}
