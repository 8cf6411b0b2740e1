//! Counters over HTTP, as they are asked for and as they are attacked.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use nuncio::msgs::std_msgs::msg::UInt32;
use nuncio::{Node, OpenError, QosProfile};

use crate::peers::{DEADLINE, node};

/// Sends bytes and gives all that comes back.
fn send(address: SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream.set_write_timeout(Some(DEADLINE)).unwrap();
    // Who is refused in the middle of a long request may be cut off.
    let _ = stream.write_all(request);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8(answer).unwrap()
}

fn get(address: SocketAddr, path: &str) -> String {
    send(
        address,
        format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n").as_bytes(),
    )
}

async fn measured(name: &str) -> (Node, SocketAddr) {
    let node = node(name, 1).metrics("127.0.0.1:0").open().await.unwrap();
    let address = node.metrics_address().unwrap();
    (node, address)
}

#[tokio::test(flavor = "multi_thread")]
async fn counters_and_health_are_served_to_whoever_asks() {
    let (node, address) = measured("measured").await;
    let publisher = node.publisher::<UInt32>("/numbers").unwrap();
    publisher.publish(&UInt32 { data: 1 }).unwrap();
    let answer = get(address, "/metrics");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(
        answer.contains("content-type: text/plain; version=0.0.4; charset=utf-8\r\n"),
        "{answer}"
    );
    let sample = "\nnuncio_published_messages_total{node=\"/measured\",topic=\"/numbers\"} 1\n";
    assert!(answer.contains(sample), "{answer}");

    let answer = get(address, "/health");
    assert!(
        answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("\"healthy\":true"),
        "{answer}"
    );
    let deadline = Some(Duration::from_millis(20));
    let _late = node
        .publisher_with::<UInt32>(
            "/late",
            QosProfile {
                deadline,
                ..QosProfile::default()
            },
        )
        .unwrap();
    let end = Instant::now() + DEADLINE;
    let answer = loop {
        let answer = get(address, "/health");
        if answer.starts_with("HTTP/1.1 503 ") {
            break answer;
        }
        assert!(Instant::now() < end, "never unhealthy: {answer}");
    };
    assert!(
        answer.contains("offered_deadline_missed") && answer.contains("/late"),
        "{answer}"
    );
    node.close().await.unwrap();
    let end = Instant::now() + DEADLINE;
    while TcpStream::connect(address).is_ok() {
        assert!(Instant::now() < end, "somebody still listens for a node that is closed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_listens_unless_that_was_asked_for() {
    let node = node("silent", 1).open().await.unwrap();
    assert_eq!(node.metrics_address(), None);
    let refused = crate::peers::node("wrong", 2)
        .metrics("robot:port")
        .open()
        .await
        .unwrap_err();
    assert!(matches!(refused, OpenError::Metrics(_)), "{refused}");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let refused = crate::peers::node("late", 3)
        .metrics(&address)
        .open()
        .await
        .unwrap_err();
    assert!(refused.to_string().contains(&address), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_of_one_process_that_name_one_address_are_served_together() {
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let one = node("one", 1).metrics(free.to_string()).open().await.unwrap();
    let two = node("two", 2).metrics(free.to_string()).open().await.unwrap();
    let uptime = |name: &str| format!("nuncio_uptime_seconds{{node=\"/{name}\"}}");
    let answer = get(free, "/metrics");
    assert!(
        answer.contains(&uptime("one")) && answer.contains(&uptime("two")),
        "{answer}"
    );
    one.close().await.unwrap();
    drop(one);
    let answer = get(free, "/metrics");
    assert!(
        !answer.contains(&uptime("one")) && answer.contains(&uptime("two")),
        "{answer}"
    );
    two.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_proper_request_is_answered_with_the_reason_or_not_at_all() {
    let (node, address) = measured("attacked").await;
    let first_line = |request: &[u8]| send(address, request).lines().next().unwrap_or_default().to_owned();
    assert!(get(address, "/").starts_with("HTTP/1.1 404 "));
    assert!(get(address, "/metrics/../../etc/passwd").starts_with("HTTP/1.1 404 "));
    assert_eq!(
        first_line(b"\x16\x03\x01 this is no HTTP\r\n\r\n"),
        "HTTP/1.1 400 Bad Request"
    );
    let post = b"POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc";
    let answer = send(address, post);
    assert!(
        answer.starts_with("HTTP/1.1 405 ") && answer.contains("allow: GET, HEAD"),
        "{answer}"
    );
    let long = format!(
        "GET /metrics HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n",
        "x".repeat(9000)
    );
    let refused = first_line(long.as_bytes());
    assert!(refused.is_empty() || refused.starts_with("HTTP/1.1 431 "), "{refused}");
    let many = format!(
        "GET /metrics HTTP/1.1\r\nHost: localhost\r\n{}\r\n",
        "A: b\r\n".repeat(200)
    );
    let refused = first_line(many.as_bytes());
    assert!(refused.is_empty() || refused.starts_with("HTTP/1.1 431 "), "{refused}");
    let page = b"GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n";
    assert_eq!(first_line(page), "HTTP/1.1 403 Forbidden");
    assert!(get(address, "/health").starts_with("HTTP/1.1 200 "), "it still serves");
    drop(node);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_say_nothing_hold_nobody_up_for_long() {
    let (node, address) = measured("patient").await;
    let silent: Vec<_> = (0..20).map(|_| TcpStream::connect(address).unwrap()).collect();
    let answer = get(address, "/health");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    drop((silent, node));
}
