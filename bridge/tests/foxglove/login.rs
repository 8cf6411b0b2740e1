//! Tokens, roles and room.

use std::sync::Arc;

use nuncio::TopicPattern;
use nuncio::msgs::std_msgs::msg::String as Text;
use nuncio_bridge::foxglove::FoxgloveOptions;
use nuncio_bridge::{ClientRole, Rules, Token};
use tokio_tungstenite::tungstenite::Error;

use crate::stage::{Stage, open_rules};
use crate::viewer::{Viewer, find};

const V1: &str = "foxglove.sdk.v1";

fn rules_with_tokens() -> Rules {
    let operator = Arc::new(ClientRole::everything("operator"));
    let mut guest = ClientRole::everything("guest");
    guest.subscribe = vec![TopicPattern::parse("/public/**").unwrap()];
    Rules {
        tokens: vec![
            Token::new("op-token", operator),
            Token::new("guest-token", Arc::new(guest)),
        ],
        ..open_rules()
    }
}

/// The status and the text that somebody is turned away with.
fn turned_away(outcome: Result<Viewer, Error>) -> (u16, String) {
    match outcome {
        Err(Error::Http(response)) => {
            let text = response.body().clone().unwrap_or_default();
            (response.status().as_u16(), String::from_utf8(text).unwrap())
        }
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("let in"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_token_or_none_is_turned_away_with_a_sentence() {
    let stage = Stage::with(rules_with_tokens(), FoxgloveOptions::default()).await;
    for token in [None, Some("wrong"), Some("op-token2")] {
        let (status, text) = turned_away(Viewer::connect(&stage.url, V1, token).await);
        assert_eq!(status, 401);
        assert!(text.contains("token"), "{text}");
    }
    assert!(stage.border.report().clients.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_in_the_header_or_the_query_gives_its_role() {
    let stage = Stage::with(rules_with_tokens(), FoxgloveOptions::default()).await;
    let _secret = stage.robot.publisher::<Text>("/a_secret").unwrap();
    let _public = stage.robot.publisher::<Text>("/public/news").unwrap();
    let mut operator = Viewer::connect(&stage.url, V1, Some("op-token")).await.unwrap();
    operator.channel("/a_secret").await;
    let url = format!("{}/?token=guest-token", stage.url);
    let mut guest = Viewer::connect(&url, V1, None).await.unwrap();
    let told = guest
        .json("advertise", |json| {
            find(&json["channels"], "topic", "/public/news").is_some()
        })
        .await;
    assert!(find(&told["channels"], "topic", "/a_secret").is_none(), "{told}");
    let roles: Vec<_> = stage
        .border
        .report()
        .clients
        .into_iter()
        .map(|client| client.role)
        .collect();
    assert_eq!(roles, ["operator", "guest"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_viewer_too_many_is_turned_away_and_there_is_room_again_when_one_goes() {
    let rules = Rules {
        clients_max: 1,
        ..open_rules()
    };
    let stage = Stage::with(rules, FoxgloveOptions::default()).await;
    let first = stage.viewer().await;
    let (status, text) = turned_away(Viewer::connect(&stage.url, V1, None).await);
    assert_eq!(status, 503);
    assert!(text.contains("clients_max"), "{text}");
    drop(first);
    let deadline = tokio::time::Instant::now() + crate::stage::DEADLINE;
    while Viewer::connect(&stage.url, V1, None).await.is_err() {
        assert!(
            tokio::time::Instant::now() < deadline,
            "the place of one that has gone is never free again"
        );
        tokio::task::yield_now().await;
    }
}
