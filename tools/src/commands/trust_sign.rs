//! `trust sign`: a certificate, signed by the anchor or by a key that an anchor lets certify.

use std::error::Error;
use std::fmt;
use std::path::PathBuf;

use nuncio::security::certificate::{Certificate, CertificateTerms};
use nuncio::security::certificate_chain::CertificateChain;
use nuncio::{Identity, clock};

use super::{CommandError, Outcome};
use crate::answers::trust::CertificateSigned;
use crate::cli::{GlobalArgs, TrustSign};
use crate::passphrase::write_new;
use crate::policy_words::certificate_words;
use crate::render::Render;
use crate::trust_home::{NoNickname, TrustHome, check_roles};

pub(super) fn run(render: &Render, global: &GlobalArgs, args: &TrustSign) -> Result<Outcome, CommandError> {
    let home = TrustHome::open(global)?;
    let subject = home.find(&args.whom)?;
    let known_as = home.acquaintances.nickname(subject);
    let nickname = args
        .given
        .name
        .clone()
        .or(known_as)
        .ok_or(NoNickname { key: subject })?;
    let signer = signer(&home, args)?;
    // What a role permits is for each receiver's trust.toml to say, so a role that this one lacks is only odd.
    if let Err(error) = check_roles(&home.policy, &args.given.roles) {
        match home.file {
            Some(_) => return Err(error.into()),
            None => render.note(format!("{error}")),
        }
    }
    let now_ns = clock::now_ns();
    let terms = CertificateTerms {
        subject,
        nickname,
        domain: global.domain.clone(),
        roles: args.given.roles.iter().cloned().collect(),
        scope: args.scope.iter().cloned().collect(),
        delegate: args.delegate,
        not_before_ns: args.given.from.map_or(now_ns, |from| from.at_ns(now_ns)),
        not_after_ns: args.until.at_ns(now_ns),
    };
    let certificate = Certificate::issue(&signer, terms)?;
    let is_anchor = home.policy.is_anchor(signer.public_key());
    let chain = chain(&home, &signer, certificate, is_anchor)?;
    let text = chain.to_text();
    if let Some(path) = &args.out {
        write_new(path, &text, false)?;
    }
    let path = args.out.as_ref().map(|path| path.display().to_string());
    if render.is_json() {
        render.answer(&CertificateSigned {
            subject: subject.to_string(),
            issuer: signer.public_key().to_string(),
            anchor: chain.anchor().to_string(),
            certificates: chain.certificates().count(),
            text: path.is_none().then_some(text),
            path,
        })?;
    } else {
        match path {
            Some(path) => render.line(None, &format!("file   {path}"))?,
            None => render.lines(&text)?,
        }
    }
    render.note(certificate_words(chain.leaf()));
    if !home.policy.is_anchor(chain.anchor()) {
        render.warning(format!(
            "{} is no anchor in this user's trust.toml; only nodes that have it in [anchors] accept this",
            chain.anchor()
        ));
    }
    Ok(Outcome::Found)
}

/// The key that is named, else the anchor's, else the own one.
fn signer(home: &TrustHome, args: &TrustSign) -> Result<Identity, CommandError> {
    match (home.anchor_key(args.signer.as_ref(), &args.passphrase)?, &args.signer) {
        (Some((_, signer)), _) => Ok(signer),
        (None, Some(path)) => Err(SignError::NoSigner { path: path.clone() }.into()),
        (None, None) => Ok(home.identity.clone().ok_or(SignError::NoKey)?),
    }
}

/// The certificate with those that let its signer certify. Those of the own key are in `identity.cert`.
fn chain(
    home: &TrustHome,
    signer: &Identity,
    certificate: Certificate,
    is_anchor: bool,
) -> Result<CertificateChain, CommandError> {
    let mut certificates = vec![certificate];
    if !is_anchor && let Some(above) = home.own_chain(signer.public_key())? {
        certificates.extend(above.certificates().cloned());
    }
    Ok(CertificateChain::new(certificates)?)
}

/// Why nobody can sign.
#[derive(Debug)]
enum SignError {
    /// The file that is named is not there.
    NoSigner { path: PathBuf },
    /// There is neither an anchor's key nor an own one.
    NoKey,
}

impl fmt::Display for SignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSigner { path } => write!(f, "expected a private key in {}, found no file", path.display()),
            Self::NoKey => f.write_str(
                "there is neither an anchor.key nor a key of this user's own; make them with `nuncio trust init`, or name \
                 the key that signs with --signer FILE",
            ),
        }
    }
}

impl Error for SignError {}
