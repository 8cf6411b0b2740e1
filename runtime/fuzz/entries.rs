//! What the fuzzers call with any bytes, and `cargo test` with those of the corpus: it must come to an end, without a
//! panic, and what was understood must hold together.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::OnceLock;

use nuncio::msgs::Message;
use nuncio::msgs::nuncio_msgs::msg::NodeCard;
use nuncio::run_time_type::RunTimeType;
use nuncio::security::frame::Layout;
use nuncio::security::proving_ground::{Outcome, ProvingGround};
use nuncio::{Identity, Keystore, TrustPolicy};

/// A frame as it comes from the network, before and in the verifier.
pub(crate) fn frame(data: &[u8]) {
    static GROUND: OnceLock<ProvingGround> = OnceLock::new();
    if let Ok(layout) = Layout::parse(data) {
        assert_eq!(
            layout.messages(data).count(),
            usize::from(layout.count),
            "messages of a frame"
        );
        assert!(layout.siblings().end <= data.len());
        layout.digest(data);
        layout.signature(data);
    }
    let ground = GROUND.get_or_init(|| {
        let identity = Identity::generate().expect("randomness");
        ProvingGround::new(identity, TrustPolicy::default()).expect("a key of ours is not weak")
    });
    let outcome = ground.open(data.to_vec(), 0);
    assert!(
        !matches!(outcome, Outcome::Delivered(_)),
        "a frame that nobody signed was delivered"
    );
}

/// The payload of a node's card, as it is read when its signature holds: signed by a stranger, that is by anybody.
pub(crate) fn card(data: &[u8]) {
    if let Ok((card, _)) = postcard::take_from_bytes::<NodeCard>(data)
        && card.check().is_ok()
    {
        let bytes = postcard::to_stdvec(&card).expect("a card that was read can be written");
        assert_eq!(postcard::from_bytes::<NodeCard>(&bytes).as_ref(), Ok(&card));
    }
}

/// The file of pins.
pub(crate) fn known_toml(data: &[u8]) {
    static KEYSTORE: OnceLock<(tempfile::TempDir, Keystore)> = OnceLock::new();
    let (folder, keystore) = KEYSTORE.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).expect("a folder of our own");
        let keystore = Keystore::open(folder.path()).expect("a keystore");
        (folder, keystore)
    });
    fs::write(folder.path().join("known.toml"), data).expect("a file");
    match keystore.pins() {
        Ok(pins) => assert!(pins.nodes().count() + pins.topics().count() <= data.len()),
        Err(error) => assert!(error.to_string().len() < 10_000),
    }
}

const RICH: &str = "bool b\nint8 i8\nuint8 u8 # @range [0, 200]\nint16 i16\nuint16 u16\nint32 i32\nuint32 u32\nint64 i64\n\
    uint64 u64 7\nfloat32 f32\nfloat64 f64 # @finite\nstring s\nstring<=5 short\nwstring w\nuint8[] octets\nint16[3] three\n\
    B[] many\nB[<=2] two\nB[2] pair\nstring[] texts\nbool[] flags\nbuiltin_interfaces/Time stamp\nE e\nE[] es\n";

/// A value of a type with everything in it. The first byte says in which form the others are.
pub(crate) fn run_time_type(data: &[u8]) {
    static CODEC: OnceLock<RunTimeType> = OnceLock::new();
    let codec = CODEC.get_or_init(|| {
        let definitions = [
            ("a_msgs/msg/A", RICH),
            ("a_msgs/msg/B", "int8 x 3\nfloat64[] y [1, 2]\nstring<=3 z"),
            ("a_msgs/msg/E", ""),
            ("builtin_interfaces/msg/Time", "int32 sec\nuint32 nanosec"),
        ];
        codec("a_msgs/msg/A", &definitions).expect("a right type")
    });
    value(codec, data);
}

/// A type that somebody describes, up to the first NUL, and a value of it.
pub(crate) fn described(data: &[u8]) {
    let mut parts = data.splitn(2, |byte| *byte == 0);
    let text = String::from_utf8_lossy(parts.next().unwrap_or_default());
    let definitions = nuncio_codegen::split_definitions("a_msgs/msg/A", &text);
    if let Some(codec) = codec("a_msgs/msg/A", &definitions) {
        let payload = codec.default_payload();
        codec.check(&payload).ok();
        value(&codec, parts.next().unwrap_or_default());
    }
}

fn codec(name: &str, definitions: &[(&str, &str)]) -> Option<RunTimeType> {
    let description = nuncio_codegen::describe(name, definitions).ok()?;
    let codec = RunTimeType::new(&description).ok()?;
    Some(codec.with_max_json_len(1 << 20))
}

fn value(codec: &RunTimeType, data: &[u8]) {
    let Some((form, data)) = data.split_first() else { return };
    let payload = match form % 4 {
        0 => Some(data.to_vec()),
        1 => {
            let mut payload = Vec::new();
            codec.cdr_to_payload(data, &mut payload).ok().map(|()| payload)
        }
        2 => codec.from_json_text(&String::from_utf8_lossy(data), 0).ok(),
        _ => codec.from_yaml_text(&String::from_utf8_lossy(data), 0).ok(),
    };
    let Some(payload) = payload else { return };
    let (mut json, mut cdr) = (String::new(), Vec::new());
    let written = codec.write_json(&payload, &mut json);
    if written.is_err() {
        assert_eq!(*form % 4, 0, "a payload that we made cannot be read: {written:?}");
        return;
    }
    if codec.payload_to_cdr(&payload, &mut cdr).is_ok() {
        let mut back = Vec::new();
        codec.cdr_to_payload(&cdr, &mut back).expect("CDR that we wrote");
        let mut again = String::new();
        codec.write_json(&back, &mut again).expect("what was readable");
        assert_eq!(again, json, "through CDR");
    }
    // JSON may break limits, which is refused on the way in.
    if codec.check(&payload).is_ok() {
        let back = codec.from_json_text(&json, 0).expect("JSON that we wrote");
        let mut again = String::new();
        codec.write_json(&back, &mut again).expect("what was readable");
        assert_eq!(again, json, "through JSON");
    }
}
