//! Both sides in one process: what each proves, and what strangers and slips come to.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use clap::Parser;
use nuncio::{Identity, Keystore, TrustFile, TrustMode};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

use super::accepter::{AcceptError, join};
use super::acquaintance::{may_be_remembered, remember};
use super::channel::{acceptor, connect};
use super::inviter::{Ended, Invitation, Joined, Knock};
use super::message::{FromAccepter, FromInviter, Refused, receive, send};
use super::proof::{Side, Transcript};
use super::{HostName, LinkCode, Secret, Standing, TlsFolder, fingerprint};
use crate::cli::{Args, GlobalArgs};
use crate::interrupt::Interrupt;
use crate::trust_home::TrustHome;

/// Far longer than anything takes that is waited for.
const DEADLINE: Duration = Duration::from_secs(30);

/// A host that invites.
struct Robot {
    dir: TempDir,
    code: LinkCode,
    listener: TcpListener,
    certificate: String,
    invitation: Arc<Invitation>,
}

fn global(dir: &TempDir) -> GlobalArgs {
    let keystore = dir.path().to_str().unwrap();
    Args::try_parse_from(["nuncio", "router", "--keystore", keystore])
        .unwrap()
        .global
}

fn home(global: &GlobalArgs) -> TrustHome {
    TrustHome::open(global).unwrap_or_else(|error| panic!("{error}"))
}

fn name(text: &str) -> HostName {
    text.parse().unwrap()
}

fn identity(seed: u8) -> Identity {
    Identity::from_seed(&[seed; 32])
}

impl Robot {
    async fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let global = global(&dir);
        let identity = Keystore::open(dir.path()).unwrap().identity().unwrap();
        let home = home(&global);
        let folder = TlsFolder::of(&global, &home.keystore);
        let from = crate::cli::PassphraseFrom { passphrase_file: None };
        let authority = folder
            .authority(&home, None, &from)
            .unwrap_or_else(|error| panic!("{error}"));
        let hosts = vec!["127.0.0.1".to_owned()];
        let certified = folder.certify_self(&identity, &authority, &hosts, 1).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let secret = Secret::new().unwrap();
        let code = LinkCode {
            ends_s: u32::MAX,
            door: listener.local_addr().unwrap().port(),
            port: 7447,
            fingerprint: fingerprint(&certified.certificate).unwrap(),
            secret,
            name: name("robot"),
            domain: global.domain.clone(),
            hosts,
        };
        let invitation = Invitation {
            global,
            own: name("robot"),
            identity,
            authority,
            authority_certificate: certified.authority,
            secret,
            count: 1,
            roles: Vec::new(),
            days: 1,
            guests: Mutex::default(),
        };
        Self {
            dir,
            code,
            listener,
            certificate: certified.certificate,
            invitation: Arc::new(invitation),
        }
    }

    /// Waits until somebody has joined, while `guests` do what they do. Gives what was told.
    async fn wait_while(self, guests: impl Future<Output = ()>) -> (Ended, Vec<Result<Joined, Knock>>, TempDir) {
        let mut told = Vec::new();
        let mut interrupt = Interrupt::listen().unwrap();
        let tell = |came| {
            told.push(came);
            Ok(())
        };
        let ends = Instant::now() + DEADLINE;
        let waiting = self
            .invitation
            .wait((self.listener, &self.certificate), ends, &mut interrupt, tell);
        let (ended, ()) = tokio::join!(waiting, guests);
        let ended = ended.unwrap_or_else(|error| panic!("{error}"));
        (ended, told, self.dir)
    }
}

#[tokio::test]
async fn who_has_the_code_joins_and_both_know_the_key_of_the_other() {
    let robot = Robot::new().await;
    let (code, robot_key) = (robot.code.clone(), robot.invitation.identity.public_key());
    let guests = async {
        let welcome = join(&code, &name("laptop"), &identity(2)).await.unwrap();
        assert_eq!((welcome.key, welcome.host.as_str()), (robot_key, "127.0.0.1"));
        assert!(welcome.certificate.starts_with("-----BEGIN CERTIFICATE-----"));
        welcome.stored().await.unwrap();
    };
    let (ended, told, dir) = robot.wait_while(guests).await;
    assert_eq!(ended, Ended::Complete);
    let [Ok(joined)] = told.as_slice() else {
        panic!("{told:?}")
    };
    assert_eq!((joined.name.as_str(), joined.key), ("laptop", identity(2).public_key()));
    let pins = Keystore::open(dir.path()).unwrap().pins().unwrap();
    assert_eq!(pins.node("0", "/laptop"), Some(identity(2).public_key()));
}

#[tokio::test]
async fn who_does_not_know_the_secret_is_refused_and_keeps_nobody_out() {
    let robot = Robot::new().await;
    let code = robot.code.clone();
    let guests = async {
        let secret = Secret::new().unwrap();
        let guess = LinkCode { secret, ..code.clone() };
        let error = join(&guess, &name("eve"), &identity(3)).await.err();
        assert!(
            matches!(error, Some(AcceptError::Refused(Refused::Unproven))),
            "{error:?}"
        );
        join(&code, &name("laptop"), &identity(2))
            .await
            .unwrap()
            .stored()
            .await
            .unwrap();
    };
    let (_, told, _) = robot.wait_while(guests).await;
    let [Err(knock), Ok(_)] = told.as_slice() else {
        panic!("{told:?}")
    };
    assert!(knock.to_string().contains("does not know the secret"), "{knock}");
}

#[tokio::test]
async fn a_code_is_good_for_one_key_and_again_for_that_one() {
    let robot = Robot::new().await;
    let code = robot.code.clone();
    let guests = async {
        let first = join(&code, &name("laptop"), &identity(2)).await.unwrap();
        let error = join(&code, &name("eve"), &identity(3)).await.err();
        assert!(matches!(error, Some(AcceptError::Refused(Refused::Used))), "{error:?}");
        // Its connection broke before it had stored what it was given.
        drop(first);
        join(&code, &name("laptop"), &identity(2))
            .await
            .unwrap()
            .stored()
            .await
            .unwrap();
    };
    let (ended, ..) = robot.wait_while(guests).await;
    assert_eq!(ended, Ended::Complete);
}

#[tokio::test]
async fn proofs_of_another_connection_prove_nothing() {
    let robot = Robot::new().await;
    let code = robot.code.clone();
    let guests = async {
        // What somebody says who passes on what was meant for another connection.
        let mut connected = connect("127.0.0.1", code.door, code.fingerprint).await.unwrap();
        let key = identity(2).public_key().to_string();
        let said = Transcript::new(Side::Accepter, &[0; 32], &[b"0", b"laptop", key.as_bytes()]);
        let proofs = said.prove(&code.secret, &identity(2));
        let name_text = "laptop".to_owned();
        let hello = FromAccepter::Hello {
            name: name_text,
            key,
            proofs,
        };
        send(&mut connected.stream, &hello).await.unwrap();
        let answer: FromInviter = receive(&mut connected.stream).await.unwrap();
        assert!(matches!(answer, FromInviter::Refused(Refused::Unproven)), "{answer:?}");
        join(&code, &name("laptop"), &identity(2))
            .await
            .unwrap()
            .stored()
            .await
            .unwrap();
    };
    let (ended, ..) = robot.wait_while(guests).await;
    assert_eq!(ended, Ended::Complete);
}

#[tokio::test]
async fn somebody_in_between_is_found_out_before_anything_is_said() {
    let robot = Robot::new().await;
    let (code, in_between) = (robot.code.clone(), Robot::new().await);
    let to_other = LinkCode {
        door: in_between.code.door,
        ..code
    };
    let acceptor = acceptor(&in_between.certificate, &in_between.invitation.identity.to_pkcs8_pem()).unwrap();
    let listening = async {
        let (stream, _) = in_between.listener.accept().await.unwrap();
        assert!(acceptor.accept(stream).await.is_err(), "the accepter went on");
    };
    let joining = async {
        let error = join(&to_other, &name("laptop"), &identity(2)).await.err();
        assert!(matches!(error, Some(AcceptError::OtherCertificate { .. })), "{error:?}");
    };
    tokio::join!(listening, joining);
}

#[tokio::test]
async fn who_is_silent_or_talks_nonsense_keeps_nobody_out() {
    let robot = Robot::new().await;
    let code = robot.code.clone();
    let guests = async {
        let address = ("127.0.0.1", code.door);
        let _silent = TcpStream::connect(address).await.unwrap();
        let mut nonsense = TcpStream::connect(address).await.unwrap();
        nonsense.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        // One who is the inviter's for TLS, and announces more than it may send.
        let mut endless = connect("127.0.0.1", code.door, code.fingerprint).await.unwrap();
        endless.stream.write_all(&u32::MAX.to_be_bytes()).await.unwrap();
        endless.stream.flush().await.unwrap();
        assert!(receive::<FromInviter>(&mut endless.stream).await.is_err());
        join(&code, &name("laptop"), &identity(2))
            .await
            .unwrap()
            .stored()
            .await
            .unwrap();
    };
    let (ended, ..) = robot.wait_while(guests).await;
    assert_eq!(ended, Ended::Complete);
}

#[tokio::test]
async fn a_name_that_another_key_has_is_not_given_away() {
    let robot = Robot::new().await;
    let code = robot.code.clone();
    let mut pins = Keystore::open(robot.dir.path()).unwrap().pins().unwrap();
    pins.pin_node("0", "/laptop", identity(7).public_key()).unwrap();
    let guests = async {
        for (own, refused) in [("laptop", Refused::NameTaken), ("robot", Refused::Oneself)] {
            let error = join(&code, &name(own), &identity(2)).await.err();
            assert!(
                matches!(&error, Some(AcceptError::Refused(found)) if *found == refused),
                "{own}: {error:?}"
            );
        }
        join(&code, &name("desktop"), &identity(2))
            .await
            .unwrap()
            .stored()
            .await
            .unwrap();
    };
    robot.wait_while(guests).await;
}

#[tokio::test]
async fn an_invitation_ends_when_its_time_is_over() {
    let robot = Robot::new().await;
    let mut interrupt = Interrupt::listen().unwrap();
    let waiting = (robot.listener, robot.certificate.as_str());
    let ended = robot
        .invitation
        .wait(waiting, Instant::now(), &mut interrupt, |_| Ok(()))
        .await;
    assert_eq!(ended.unwrap_or_else(|error| panic!("{error}")), Ended::Expired);
    let error = join(
        &LinkCode {
            ends_s: 1,
            ..robot.code
        },
        &name("laptop"),
        &identity(2),
    )
    .await
    .err();
    let error = error.expect("nobody listens").to_string();
    assert!(
        error.contains("the code has expired at 1970-01-01T00:00:01Z"),
        "{error}"
    );
}

#[test]
fn a_certificate_that_ends_soon_is_made_anew_and_a_good_one_is_kept() {
    let dir = TempDir::new().unwrap();
    let (home, from) = (
        home(&global(&dir)),
        crate::cli::PassphraseFrom { passphrase_file: None },
    );
    let folder = TlsFolder::of(&global(&dir), &home.keystore);
    let (own, now_ns) = (identity(1), nuncio::clock::now_ns());
    assert!(folder.standing(&own, now_ns).unwrap().is_none());
    let authority = folder
        .authority(&home, None, &from)
        .unwrap_or_else(|error| panic!("{error}"));
    let certify = |days, host: &str| folder.certify_self(&own, &authority, &[host.to_owned()], days).unwrap();
    let first = certify(29, "robot.local");
    assert!(matches!(folder.standing(&own, now_ns), Ok(Some(Standing::EndsSoon))));
    let second = certify(365, "robot.local");
    assert!(matches!(folder.standing(&own, now_ns), Ok(Some(Standing::Good))));
    assert!(!certify(365, "robot.local").is_new);
    // An address that it is not good for yet.
    assert!(certify(365, "192.168.1.5").is_new);
    assert!(first.is_new && second.is_new && first.authority == second.authority);
    // One for another key is none.
    assert!(matches!(
        folder.standing(&identity(2), now_ns),
        Ok(Some(Standing::Bad(_)))
    ));
}

#[test]
fn a_key_is_pinned_and_gets_the_roles_that_were_said_and_no_others() {
    for (mode, roles, needs_role) in [
        (None, &[][..], false),
        (Some(TrustMode::Tofu), &[][..], false),
        (Some(TrustMode::Enforce), &[][..], true),
        (Some(TrustMode::Enforce), &["driver"][..], false),
    ] {
        let dir = TempDir::new().unwrap();
        let keystore = Keystore::open(dir.path()).unwrap();
        if let Some(mode) = mode {
            let text = format!("mode = \"{mode}\"\n[roles.driver]\npublish = [\"cmd_vel\"]\n");
            let file = TrustFile::parse(&text).unwrap();
            keystore
                .change_trust_file(|_| Ok::<_, nuncio::security::trust_storage::TrustStorageError>(file))
                .unwrap();
        }
        let roles: Vec<_> = roles.iter().map(|role| role.parse().unwrap()).collect();
        let (laptop, key) = (name("laptop"), identity(2).public_key());
        // A second time changes nothing.
        for _ in 0..2 {
            let home = home(&global(&dir));
            may_be_remembered(&home, &name("robot"), (&laptop, key)).unwrap();
            let remembered = remember(&home, &home.domain, (&laptop, key), &roles);
            let words = remembered.unwrap_or_else(|error| panic!("{error}")).in_words(&laptop);
            assert_eq!(words.contains("until it has a role"), needs_role, "{words}");
        }
        assert_eq!(keystore.pins().unwrap().node("0", "/laptop"), Some(key), "{mode:?}");
        let file = keystore.trust_file().unwrap();
        let grant = file.and_then(|file| file.policy().grants().next().cloned());
        let expected = (!roles.is_empty()).then(|| roles.into_iter().collect());
        assert_eq!(grant.map(|grant| grant.roles), expected, "{mode:?}");
        let (home, other) = (home(&global(&dir)), (&laptop, identity(3).public_key()));
        assert_eq!(may_be_remembered(&home, &name("robot"), other), Err(Refused::NameTaken));
        assert!(remember(&home, &home.domain, other, &[]).is_err(), "{mode:?}");
    }
}
