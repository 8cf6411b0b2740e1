//! `trust init`: all that enforcement needs on one machine, in one step.

use std::error::Error;
use std::fmt;
use std::path::PathBuf;

use nuncio::security::role::Nickname;
use nuncio::security::trust_file::TrustFile;
use nuncio::security::trust_storage::ANCHOR_FILE;
use nuncio::{Domain, Identity, Keystore, PublicKey, TrustMode};

use super::{CommandError, Outcome};
use crate::acquaintances::ME;
use crate::answers::trust::TrustMade;
use crate::cli::{GlobalArgs, PassphraseFrom, TrustInit};
use crate::passphrase::read_guarded_key;
use crate::render::Render;

/// The role that `init` gives to the own key.
const ROLE: &str = "everything";

/// What the own key is called where the system does not name the user.
const NAMELESS: &str = "owner";

pub(super) fn run(render: &Render, global: &GlobalArgs, args: &TrustInit) -> Result<Outcome, CommandError> {
    let keystore = Keystore::open(global.keystore_dir()?)?;
    let path = keystore.trust_path().unwrap_or_default();
    if keystore.trust_file()?.is_some() {
        return Err(AlreadyThere { path }.into());
    }
    let key = keystore.identity()?.public_key();
    let anchor = match args.no_anchor {
        true => None,
        false => Some(anchor(&keystore)?),
    };
    let nickname = user_name();
    let anchor_key = anchor.as_ref().map(|(_, key)| *key);
    let text = trust_text(args.mode, &global.domain, (&nickname, key), anchor_key);
    keystore.change_trust_file(|file| match file {
        None => Ok(TrustFile::parse(&text)?),
        // Another program was faster.
        Some(_) => Err(CommandError::from(AlreadyThere { path: path.clone() })),
    })?;
    let trust_path = path.display().to_string();
    let anchor = anchor.map(|(path, key)| (path.display().to_string(), key));
    if render.is_json() {
        render.answer(&TrustMade {
            trust_file: &trust_path,
            mode: args.mode.as_str(),
            key: key.to_string(),
            nickname: nickname.as_str(),
            role: ROLE,
            anchor: anchor.as_ref().map(|(_, key)| key.to_string()),
            anchor_file: anchor.as_ref().map(|(path, _)| path.as_str()),
        })?;
    } else {
        render.line(None, &format!("trust   {trust_path} (mode {})", args.mode))?;
        render.line(None, &format!("key     {key} ({nickname}, may do {ROLE})"))?;
        if let Some((path, key)) = &anchor {
            render.line(None, &format!("anchor  {key}"))?;
            render.line(None, &format!("file    {path}"))?;
        }
    }
    if let Some((path, _)) = &anchor {
        render.note(format!(
            "whoever has {path} can certify and revoke keys; before a second machine joins, move it to a safe place, such as \
             a stick in a drawer, and name it with --signer and --anchor when it is needed"
        ));
    }
    Ok(Outcome::Found)
}

/// The anchor's key, made if there is none.
fn anchor(keystore: &Keystore) -> Result<(PathBuf, PublicKey), CommandError> {
    let path = keystore.path().map(|dir| dir.join(ANCHOR_FILE)).unwrap_or_default();
    let from = PassphraseFrom { passphrase_file: None };
    if let Some(there) = read_guarded_key(&path, &from)? {
        return Ok((path, there.public_key()));
    }
    let new = Identity::generate()?;
    if keystore.store_key_text(ANCHOR_FILE, &new.to_pkcs8_pem())? {
        return Ok((path, new.public_key()));
    }
    Err(AlreadyThere { path }.into())
}

/// What the system calls this user.
fn user_name() -> Nickname {
    let named = ["USER", "LOGNAME"]
        .into_iter()
        .filter_map(|name| std::env::var(name).ok());
    let nickname = named
        .filter(|name| name != ME)
        .find_map(|name| Nickname::parse(&name).ok());
    nickname.unwrap_or_else(|| Nickname::parse(NAMELESS).expect("it has letters only"))
}

fn trust_text(
    mode: TrustMode,
    domain: &Domain,
    (nickname, key): (&Nickname, PublicKey),
    anchor: Option<PublicKey>,
) -> String {
    let domain = match *domain == Domain::default() {
        true => String::new(),
        false => format!("domain = {:?}\n", domain.as_str()),
    };
    let anchor = anchor.map(|key| format!("anchor = \"{key}\"\n")).unwrap_or_default();
    let nickname = match nickname.as_str().contains('.') {
        true => format!("{:?}", nickname.as_str()),
        false => nickname.to_string(),
    };
    format!(
        "\
# Whom this user's nodes believe. They read it again when it changes: what is right is in force at once, what is broken
# changes nothing and is told. `nuncio trust show` says what the file means, `nuncio trust check KEY publish TOPIC` why
# something is refused.

{domain}# observe: deliver and mark; tofu: trust the first key seen under a name; enforce: a key needs a role.
mode = \"{mode}\"

# Keys that may sign certificates (`nuncio trust sign`) and revocations (`nuncio key revoke`).
[anchors]
{anchor}
# What the holders of a role may do. `*` stands for one part of a name, `**` for any number of parts.
[roles.{ROLE}]
publish = [\"**\"]
serve = [\"**\"]
call = [\"**\"]

# Keys that are known directly; `nuncio trust add KEY --role ROLE --name NICKNAME` adds one.
[grants.{nickname}]
key = \"{key}\"
roles = [\"{ROLE}\"]

# Limits of topics, in every mode; all entries that match count, the strictest wins:
#
# [topics.\"robot1/cmd_vel\"]
# max_size = \"64 KiB\"
# max_age = \"200ms\"
# max_rate = 50              # messages a second of one signer
# role = \"operator\"          # needed to publish here
# second_signer = \"supervisor\" # a holder of this role must approve each message, too
"
    )
}

/// There is something already that `init` would make.
#[derive(Debug)]
struct AlreadyThere {
    path: PathBuf,
}

impl fmt::Display for AlreadyThere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} is there already; change it with `nuncio trust add` or an editor, or move it away first",
            self.path.display()
        )
    }
}

impl Error for AlreadyThere {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_new_file_is_right_in_each_of_its_forms() {
        let key = |seed| Identity::from_seed(&[seed; 32]).public_key();
        for mode in TrustMode::ALL {
            for (domain, anchor, nickname) in [("0", Some(key(2)), "alice"), ("lab", None, "a.b-c_1")] {
                let domain = Domain::parse(domain).unwrap();
                let nickname = Nickname::parse(nickname).unwrap();
                let text = trust_text(mode, &domain, (&nickname, key(1)), anchor);
                let file = TrustFile::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
                let policy = file.policy();
                assert_eq!(policy.mode, mode);
                assert_eq!(policy.domain().is_some(), domain != Domain::default());
                assert_eq!(
                    policy.anchors().map(|(_, key)| key).collect::<Vec<_>>(),
                    Vec::from_iter(anchor)
                );
                assert_eq!(policy.grants().map(|grant| grant.key).collect::<Vec<_>>(), [key(1)]);
            }
        }
    }
}
