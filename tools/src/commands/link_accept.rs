//! `link accept`: joins the host that made a code; see [`crate::link`].

use std::error::Error;
use std::fmt;
use std::io::{self, Read};
use std::time::Duration;

use nuncio::{Discovery, Keystore};

use super::{CommandError, Outcome};
use crate::answers::link::LinkAccepted;
use crate::cli::{GlobalArgs, LinkAccept};
use crate::contexts::{Context, Contexts};
use crate::link::accepter::{Welcome, join};
use crate::link::acquaintance::{check_given_roles, may_be_remembered, remember};
use crate::link::{HostName, LinkCode, TlsFolder};
use crate::render::Render;
use crate::trust_home::TrustHome;

/// How long to try unless `--timeout` says otherwise.
const PATIENCE: Duration = Duration::from_secs(15);

/// The longest text that is read as a code.
const CODE_LEN_MAX: u64 = 64 * 1024;

pub(super) async fn run(global: &GlobalArgs, render: &Render, args: LinkAccept) -> Result<Outcome, CommandError> {
    let code: LinkCode = match args.code.as_str() {
        "-" => from_stdin()?.parse()?,
        text => text.parse()?,
    };
    if global.domain_is_given && global.domain != code.domain {
        return Err(AcceptRefusal::OtherDomain {
            code: code.domain.to_string(),
        }
        .into());
    }
    let own = args
        .own_name
        .clone()
        .or_else(HostName::of_machine)
        .ok_or(AcceptRefusal::NoName)?;
    let name = args.call.clone().unwrap_or_else(|| code.name.clone());
    let global = GlobalArgs {
        domain: code.domain.clone(),
        ..global.clone()
    };
    // The key is made now if there is none.
    let identity = Keystore::open(global.keystore_dir()?)?.identity()?;
    let home = TrustHome::open(&global)?;
    check_given_roles(&home, &args.roles)?;
    let mut contexts = Contexts::open()?;
    let is_there = contexts.get(name.context()).is_ok();
    if is_there && home.find(name.as_str()).is_err() {
        return Err(AcceptRefusal::ContextTaken { name }.into());
    }
    let joining = tokio::time::timeout(global.timeout.unwrap_or(PATIENCE), join(&code, &own, &identity));
    let joined = render.progress("joining", joining).await;
    let welcome = joined.map_err(|_| AcceptRefusal::TooSlow { name: name.clone() })??;
    may_be_remembered(&home, &own, (&name, welcome.key)).map_err(|_| AcceptRefusal::NotRemembered {
        name: name.clone(),
        key: welcome.key.to_string(),
    })?;
    let folder = store(&global, &home, &welcome, &name)?;
    let remembered = remember(&home, &code.domain, (&name, welcome.key), &args.roles)?;
    let endpoint = code.endpoint(&welcome.host);
    contexts.set(
        name.context().clone(),
        context(&global, &code, &endpoint, &folder, &home)?,
    );
    contexts.store()?;
    let accepted = LinkAccepted {
        name: name.to_string(),
        key: welcome.key.to_string(),
        own_key: identity.public_key().to_string(),
        own_name: own.to_string(),
        endpoint,
        domain: code.domain.to_string(),
        context: name.to_string(),
        tls: folder.path().to_owned(),
        remembered,
    };
    let heard = tokio::time::timeout(global.timeout.unwrap_or(PATIENCE), welcome.stored()).await;
    match heard {
        Ok(Ok(())) => {}
        Ok(Err(error)) => render.warning(format!(
            "{name} has not said that it has stored this host's key: {error}"
        )),
        Err(_) => render.warning(format!(
            "{name} has not said in time that it has stored this host's key"
        )),
    }
    report(render, &accepted, &name)
}

fn report(render: &Render, accepted: &LinkAccepted, name: &HostName) -> Result<Outcome, CommandError> {
    if render.is_json() {
        render.answer(accepted)?;
    } else {
        render.line(None, &format!("joined   {name}  {}", accepted.key))?;
        render.line(None, &format!("as       {}  {}", accepted.own_name, accepted.own_key))?;
        render.line(None, &format!("router   {}", accepted.endpoint))?;
        render.line(None, &format!("tls      {}", accepted.tls.display()))?;
        render.line(None, &format!("context  {}", accepted.context))?;
    }
    render.note(format!("its key is {}", accepted.remembered.in_words(name)));
    render.note(format!(
        "`nuncio --context {name} topic list` looks at its network, `nuncio context use {name}` makes that the rule; nodes of \
         your own connect to {}",
        accepted.endpoint
    ));
    Ok(Outcome::Found)
}

/// Stores the certificates. Where this host has those of another authority, they stay, and these get a folder of their own.
fn store(global: &GlobalArgs, home: &TrustHome, welcome: &Welcome, name: &HostName) -> Result<TlsFolder, CommandError> {
    let mut folder = TlsFolder::of(global, &home.keystore);
    let identity = home.keystore.identity()?;
    if folder.has_other_authority(&welcome.certificate, &identity)? {
        folder = folder.inner(name.as_str());
    }
    folder.store(&welcome.authority, &welcome.certificate)?;
    Ok(folder)
}

/// What the context says: no more than what is not so without it.
fn context(
    global: &GlobalArgs,
    code: &LinkCode,
    endpoint: &str,
    folder: &TlsFolder,
    home: &TrustHome,
) -> Result<Context, CommandError> {
    let keystore = std::path::absolute(global.keystore_dir()?)?;
    let is_usual =
        Keystore::default_dir().is_ok_and(|usual| std::path::absolute(usual).ok().as_ref() == Some(&keystore));
    let is_usual_folder = folder.path() == home.path("tls");
    Ok(Context {
        domain: Some(code.domain.clone()),
        connect: vec![endpoint.to_owned()],
        discovery: Some(Discovery::Off),
        tls: (!is_usual_folder)
            .then(|| std::path::absolute(folder.path()))
            .transpose()?,
        keystore: (!is_usual).then_some(keystore),
        ..Context::default()
    })
}

fn from_stdin() -> io::Result<String> {
    let mut text = String::new();
    io::stdin().lock().take(CODE_LEN_MAX).read_to_string(&mut text)?;
    Ok(text)
}

/// Why this host does not join.
#[derive(Debug)]
enum AcceptRefusal {
    /// The code is for another domain than the one that was asked for.
    OtherDomain { code: String },
    /// The machine has no name that is good for one.
    NoName,
    /// A context of that name has nothing to do with the inviter.
    ContextTaken { name: HostName },
    /// The name is another key's here, or the key was revoked here, or is the own one.
    NotRemembered { name: HostName, key: String },
    /// The other host did not answer in time.
    TooSlow { name: HostName },
}

impl fmt::Display for AcceptRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherDomain { code } => {
                write!(f, "the code is for domain {code}; say --domain {code}, or leave it out")
            }
            Self::NoName => f.write_str("this machine has no name that is good for one; give it one with --as NAME"),
            Self::ContextTaken { name } => write!(
                f,
                "there is a context {name} already, which is not one for that host; choose another name with --call NAME, or \
                 `nuncio context remove {name}`"
            ),
            Self::NotRemembered { name, key } => write!(
                f,
                "the other host's key {key} cannot be remembered as {name}: another key has that name here, or it was revoked, or \
                 is this host's own; `nuncio key list` shows which, and --call NAME gives it another name; nothing was stored"
            ),
            Self::TooSlow { name } => write!(
                f,
                "{name} does not answer in time; see whether both hosts are on one network and no firewall is between them, and \
                 name an address that is reached from here with `nuncio link invite --at HOST`"
            ),
        }
    }
}

impl Error for AcceptRefusal {}
