//! Messages of fixed size are encoded and decoded without asking for memory, and what is remembered of a publisher is
//! bounded. Every allocation of the thread is counted, which takes an allocator of its own and hence a test program of its own.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is its job")]

use std::hint::black_box;
use std::time::Duration;

use allocation_counter::measure;
use nuncio::msgs::geometry_msgs::msg::Twist;
use nuncio::msgs::std_msgs::msg::Header;
use nuncio::security::proving_ground::{self, Outcome, ProvingGround};
use nuncio::{
    Accompaniment, Bytes, Discovery, Identity, Keystore, Message, Node, PublishError, Published, QosProfile,
    TrustPolicy, TypeSupport,
};
use nuncio_codegen::model::{Count, Element};

/// How long anything may take that is waited for.
const DEADLINE: Duration = Duration::from_secs(20);

/// How many allocations it takes to encode the message into a buffer that is used again, and to decode it.
fn allocations<M: Message>(message: &M, ground: &ProvingGround, number: u64) -> (u64, u64) {
    let mut bytes = Vec::new();
    proving_ground::encode(message, 0, &mut bytes).unwrap();
    let proven = ground.prove(number, 0, &bytes).unwrap();

    bytes.clear();
    let encoding = measure(|| proving_ground::encode(black_box(message), 0, &mut bytes).unwrap());
    let mut decoded = None;
    let decoding = measure(|| decoded = Some(proven.decode::<M>().unwrap()));
    assert_eq!(decoded.as_ref(), Some(message), "{}", M::TYPE_NAME);
    (encoding.count_total, decoding.count_total)
}

fn ground() -> ProvingGround {
    ProvingGround::new(Identity::from_seed(&[7; 32]), TrustPolicy::default()).unwrap()
}

/// Whether its schema has neither texts nor lists, which are on the heap even where they are bounded.
fn is_of_fixed_size<M: Message>() -> bool {
    let definitions: Vec<(&str, &str)> = M::DEFINITIONS.iter().map(|file| (file.type_name, file.text)).collect();
    let description = nuncio_codegen::describe(M::TYPE_NAME, &definitions).unwrap();
    let mut messages = std::iter::once(&description.root).chain(&description.referenced);
    messages.all(|message| {
        message.fields.iter().map(|field| &field.field_type).all(|field_type| {
            !matches!(field_type.element, Element::Text { .. }) && !matches!(field_type.count, Count::Sequence { .. })
        })
    })
}

#[test]
fn messages_of_fixed_size_are_encoded_and_decoded_without_an_allocation() {
    fn check<M: Message>(ground: &ProvingGround, tried: &mut u64) {
        if !is_of_fixed_size::<M>() {
            return;
        }
        *tried += 1;
        assert!(M::MAX_ENCODED_LEN.is_some(), "{}", M::TYPE_NAME);
        let counted = allocations(&M::default(), ground, *tried);
        assert_eq!(counted, (0, 0), "{}: encoding, decoding", M::TYPE_NAME);
    }
    let (ground, mut tried) = (ground(), 0);
    macro_rules! each { ($($name:path,)*) => { $(check::<$name>(&ground, &mut tried);)* } }
    nuncio::msgs::for_each_message!(each);
    assert!(tried > 80, "only {tried} types were tried");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_busy_publisher_publishes_without_an_allocation() {
    let builder = Node::builder("talker").keystore(Keystore::ephemeral(Identity::from_seed(&[7; 32])));
    let opened = builder.discovery(Discovery::Off).signing_budget(0.0).open();
    let node = opened.await.unwrap();
    let publisher = node.publisher::<Twist>("/cmd_vel").unwrap();
    let message = Twist::default();
    let publish_many = || {
        (0..2000).for_each(|_| {
            publisher.publish(black_box(&message)).unwrap();
        })
    };
    // Its buffers grow to their size first; how many of them are in use at once is up to the threads.
    let rounds = (0..200).map(|_| measure(publish_many).count_total);
    let quiet = rounds.fold((0, 0), |(now, longest), count| {
        let now = if count == 0 { now + 1 } else { 0 };
        (now, longest.max(now))
    });
    assert!(quiet.1 >= 50, "{} rounds in a row without an allocation", quiet.1);
    node.close().await.unwrap();
}

#[test]
fn a_text_is_an_allocation_that_is_counted() {
    let message = Header {
        frame_id: "map".to_owned(),
        ..Header::default()
    };
    let (encoding, decoding) = allocations(&message, &ground(), 1);
    assert_eq!(encoding, 0, "the buffer is there already");
    assert_eq!(decoding, 1, "the text");
}

#[test]
fn a_buffer_that_has_to_grow_is_an_allocation_that_is_counted() {
    let grown = measure(|| proving_ground::encode(&Header::default(), 0, &mut Vec::new()).unwrap());
    assert_eq!(grown.count_total, 1);
}

#[test]
fn what_is_remembered_of_a_publisher_is_bounded_whatever_it_sends() {
    let ground = ground();
    // What is sealed here is gone when it was opened, so what stays is what the receiver keeps.
    let kept = |numbers: std::ops::Range<u64>, len| {
        let send = || {
            for number in numbers {
                let frame = ground.seal(number, 1, &vec![0x5a; len]);
                assert_eq!(ground.open(frame, 1), Outcome::Delivered(1));
            }
        };
        measure(send).bytes_current
    };
    let quiet = kept(1..2, 48);
    let busy = quiet + kept(2..3000, 3900);
    println!("{quiet} bytes after one message of 48 bytes, {busy} after 3,000 of 3,900 bytes");
    assert!((1..16 << 10).contains(&quiet), "{quiet} bytes");
    assert!((quiet..96 << 10).contains(&busy), "{busy} bytes");
    assert_eq!(kept(3000..4000, 3900), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_large_shared_payload_is_published_without_a_copy() {
    let open = |name: &str, seed, listen: &str, connect: Option<&str>| {
        let keystore = Keystore::ephemeral(Identity::from_seed(&[seed; 32]));
        let builder = Node::builder(name).keystore(keystore).discovery(Discovery::Off);
        let builder = builder.shared_memory(false).signing_budget(1.0).listen(listen);
        match connect {
            Some(endpoint) => builder.connect(endpoint).open(),
            None => builder.open(),
        }
    };
    let port = nuncio::local_registry::reserve_loopback_port().unwrap();
    let listener = open("listener", 8, &port.locator(), None).await.unwrap();
    let talker = open("talker", 7, "tcp/127.0.0.1:0", Some(&port.locator()))
        .await
        .unwrap();
    let subscriber = listener.generic_subscriber("/image", QosProfile::default()).unwrap();
    let of = TypeSupport::compile("test_msgs/msg/Bytes", &[("test_msgs/msg/Bytes", "uint8[] data\n")]).unwrap();
    let publisher = talker.generic_publisher("/image", &of, QosProfile::default()).unwrap();
    assert!(publisher.wait_for_subscribers(DEADLINE).unwrap());

    const LEN: u64 = 1 << 20;
    let payload = Bytes::from(vec![0x5a; LEN as usize]);
    let published = |publish: &dyn Fn() -> Result<Published, PublishError>| {
        let counted = measure(|| {
            publish().unwrap();
        });
        let received = subscriber.recv_timeout(DEADLINE).unwrap();
        assert!(received.payload() == payload.as_slice());
        counted.bytes_total
    };
    let shared = (0..5).map(|_| published(&|| publisher.publish_bytes(&payload, Accompaniment::default())));
    let shared: Vec<_> = shared.collect();
    let copied = published(&|| publisher.publish(payload.as_slice(), Accompaniment::default()));
    println!("{shared:?} bytes were allocated for a shared payload, {copied} for a borrowed one");
    assert!(copied >= LEN, "a copy is counted: {copied} bytes");
    // The link's own batches are among them, which it makes when it first needs them: four of 48 KiB.
    assert!(shared.iter().all(|bytes| *bytes < LEN / 2), "{shared:?} bytes");
    talker.close().await.unwrap();
    listener.close().await.unwrap();
}
