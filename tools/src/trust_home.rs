//! What this user's keystore says of trust: the key, trust.toml, the certificates, and who has which name.

use std::error::Error;
use std::fmt;
use std::path::PathBuf;

use nuncio::security::certificate_chain::CertificateChain;
use nuncio::security::role::RoleName;
use nuncio::security::trust_file::TrustFile;
use nuncio::security::trust_source::CertificateFileError;
use nuncio::security::trust_storage::ANCHOR_FILE;
use nuncio::{Domain, Identity, Keystore, PublicKey, TrustPolicy};
use nuncio_codegen::near_names;

use crate::acquaintances::{Acquaintances, ME, WhoError};
use crate::cli::{GlobalArgs, PassphraseFrom};
use crate::commands::CommandError;
use crate::passphrase::{PrivateKeyError, read_guarded_key};
use crate::render::Render;

/// The keystore, read.
#[derive(Debug)]
pub(crate) struct TrustHome {
    pub(crate) keystore: Keystore,
    pub(crate) domain: Domain,
    /// The own key, if there is one.
    pub(crate) identity: Option<Identity>,
    /// trust.toml, if there is one.
    pub(crate) file: Option<TrustFile>,
    /// What trust.toml and the anchors' lists of revocations say, else the default; in the mode of `--trust-mode`, if that
    /// is given.
    pub(crate) policy: TrustPolicy,
    pub(crate) acquaintances: Acquaintances,
}

impl TrustHome {
    /// Reads the keystore. Nothing is made but its directory.
    ///
    /// # Errors
    ///
    /// Whatever is wrong with one of the files.
    pub(crate) fn open(global: &GlobalArgs) -> Result<Self, CommandError> {
        let keystore = Keystore::open(global.keystore_dir()?)?;
        let identity = keystore.stored_identity()?;
        let file = keystore.trust_file()?;
        let mut policy = file.as_ref().map(|file| file.policy().clone()).unwrap_or_default();
        policy.mode = global.trust_mode.unwrap_or(policy.mode);
        let policy = with_revocations(&keystore, &global.domain, policy)?;
        let own = identity.as_ref().map(Identity::public_key);
        let acquaintances = Acquaintances::gather(own, &policy, &keystore.pins()?, &global.domain);
        Ok(Self {
            keystore,
            domain: global.domain.clone(),
            identity,
            file,
            policy,
            acquaintances,
        })
    }

    /// Where a file of the keystore is.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.keystore.path().map(|dir| dir.join(name)).unwrap_or_default()
    }

    /// The key that a person means.
    ///
    /// # Errors
    ///
    /// [`WhoError`] when there is none.
    pub(crate) fn find(&self, whom: &str) -> Result<PublicKey, WhoError> {
        self.acquaintances.find(whom)
    }

    /// The certificates of `key` that are at hand: those of `identity.cert` when it is the own key.
    ///
    /// # Errors
    ///
    /// [`CertificateFileError`] when `identity.cert` is not right.
    pub(crate) fn own_chain(&self, key: PublicKey) -> Result<Option<CertificateChain>, CertificateFileError> {
        match self.acquaintances.own() == Some(key) {
            true => self.keystore.certificates(key),
            false => Ok(None),
        }
    }

    /// The anchor's private key: in the file that is named, else in the keystore, if it is there.
    ///
    /// # Errors
    ///
    /// [`PrivateKeyError`] when the file is not right.
    pub(crate) fn anchor_key(
        &self,
        file: Option<&PathBuf>,
        passphrase: &PassphraseFrom,
    ) -> Result<Option<(PathBuf, Identity)>, PrivateKeyError> {
        let path = file.cloned().unwrap_or_else(|| self.path(ANCHOR_FILE));
        let key = read_guarded_key(&path, passphrase)?;
        Ok(key.map(|key| (path, key)))
    }

    /// Says when it is not trust.toml, or not trust.toml alone, that decides what is permitted here.
    pub(crate) fn tell_what_is_asked(&self, render: &Render) {
        if self.file.is_none() {
            render.note("there is no trust.toml; this is what a node does without one");
        }
        if let Some(found) = self.policy.domain().filter(|found| **found != self.domain) {
            render.warning(format!(
                "trust.toml is for domain {found}, so no node in domain {} starts with it",
                self.domain
            ));
        }
    }

    /// Changes trust.toml, which must be there.
    ///
    /// # Errors
    ///
    /// [`NoTrustFile`] when it is not, or what `change` returns.
    pub(crate) fn change_file(
        &self,
        change: impl FnOnce(&mut TrustFile) -> Result<(), CommandError>,
    ) -> Result<TrustFile, CommandError> {
        let path = self.keystore.trust_path().unwrap_or_default();
        self.keystore.change_trust_file(|file| {
            let mut file = file.ok_or(NoTrustFile { path })?;
            change(&mut file)?;
            Ok(file)
        })
    }
}

/// The policy with what its anchors have revoked, as far as that is kept here.
///
/// # Errors
///
/// [`RevocationError`](nuncio::security::revocation::RevocationError) when a list is damaged.
fn with_revocations(keystore: &Keystore, domain: &Domain, policy: TrustPolicy) -> Result<TrustPolicy, CommandError> {
    let mut more = Vec::new();
    for (_, anchor) in policy.anchors() {
        if let Some(list) = keystore.revocations(domain, anchor)? {
            more.extend(list.revoked().iter().map(|revoked| (revoked.key, revoked.since_ns)));
        }
    }
    Ok(policy.with_revocations(&more))
}

/// Refuses roles that trust.toml does not define.
///
/// # Errors
///
/// [`UnknownRole`] for the first of them, with what may be meant.
pub(crate) fn check_roles<'a>(
    policy: &TrustPolicy,
    roles: impl IntoIterator<Item = &'a RoleName>,
) -> Result<(), UnknownRole> {
    let defined: Vec<&str> = policy.roles().map(|(name, _)| name.as_str()).collect();
    match roles.into_iter().find(|role| !defined.contains(&role.as_str())) {
        None => Ok(()),
        Some(unknown) => Err(UnknownRole {
            role: unknown.clone(),
            near: near_names(unknown.as_str(), defined.iter().copied())
                .into_iter()
                .map(ToOwned::to_owned)
                .collect(),
            defined: defined.into_iter().map(ToOwned::to_owned).collect(),
        }),
    }
}

/// There is no trust.toml to change.
#[derive(Debug)]
pub(crate) struct NoTrustFile {
    pub(crate) path: PathBuf,
}

impl fmt::Display for NoTrustFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "expected a trust file {}, found none; make it with `nuncio trust init`",
            self.path.display()
        )
    }
}

impl Error for NoTrustFile {}

/// A role that trust.toml does not define.
#[derive(Debug)]
pub(crate) struct UnknownRole {
    role: RoleName,
    near: Vec<String>,
    defined: Vec<String>,
}

impl fmt::Display for UnknownRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "trust.toml defines no role {}; ", self.role)?;
        match (self.near.as_slice(), self.defined.as_slice()) {
            ([], []) => write!(
                f,
                "add `[roles.{}]` to it, with what its holders may publish",
                self.role
            ),
            ([], defined) => write!(f, "it defines {}", defined.join(", ")),
            (near, _) => write!(f, "did you mean {}?", near.join(" or ")),
        }
    }
}

impl Error for UnknownRole {}

/// A key that has no name yet, where one is needed.
#[derive(Debug)]
pub(crate) struct NoNickname {
    pub(crate) key: PublicKey,
}

impl fmt::Display for NoNickname {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} has no name here yet; give it one with --name NICKNAME", self.key)
    }
}

impl Error for NoNickname {}

/// A nickname that would be taken for the own key.
#[derive(Debug)]
pub(crate) struct ReservedNickname;

impl fmt::Display for ReservedNickname {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{ME}` always means this user's own key; choose another --name")
    }
}

impl Error for ReservedNickname {}
