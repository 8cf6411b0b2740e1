//! What encoding and decoding cost: ours, limits and all, beside plain `postcard` and a CDR encoder on structs written
//! by hand, and the run-time codec beside generated types.
//!
//! The candidates of a row take turns, so that a ratio compares what happened in the same moments. It prints a table
//! of medians and ratios, and then the same as one line of JSON.

#![allow(clippy::print_stdout, reason = "the table is what it is for")]

mod plain;
mod turns;

use std::hint::black_box;
use std::mem;

use nuncio::msgs::geometry_msgs::msg::{Twist, Vector3};
use nuncio::msgs::sensor_msgs::msg::{Imu, LaserScan, PointCloud2, PointField};
use nuncio::msgs::std_msgs::msg::Header;
use nuncio::security::proving_ground::{self, ProvingGround};
use nuncio::{Identity, Message, TrustPolicy, TypeSupport};
use serde::Serialize;
use serde::de::DeserializeOwned;

use self::turns::Table;

fn main() {
    let mut table = Table::default();
    let header = Header {
        frame_id: "base_link".to_owned(),
        ..Header::default()
    };
    let twist = Twist {
        linear: Vector3 {
            x: 1.5,
            ..Vector3::default()
        },
        ..Twist::default()
    };
    compare::<_, plain::Twist>(&mut table, "Twist", &twist);
    let imu = Imu {
        header: header.clone(),
        ..Imu::default()
    };
    compare::<_, plain::Imu>(&mut table, "Imu", &imu);
    let scan = LaserScan {
        header: header.clone(),
        ranges: (0_u16..1000).map(|beam| f32::from(beam) / 128.0).collect(),
        ..LaserScan::default()
    };
    compare::<_, plain::LaserScan>(&mut table, "LaserScan, 1000 ranges", &scan);
    let field = |name: &str| PointField {
        name: name.to_owned(),
        datatype: PointField::FLOAT32,
        count: 1,
        ..PointField::default()
    };
    let cloud = PointCloud2 {
        header,
        fields: ["x", "y", "z", "intensity"].map(field).to_vec(),
        data: (0..=u8::MAX).cycle().take(1 << 20).collect(),
        ..PointCloud2::default()
    };
    compare::<_, plain::PointCloud2>(&mut table, "PointCloud2, 1 MiB", &cloud);
    println!("{}", table.json());
}

/// Measures one message in all ways. `P` is the same message, written by hand.
fn compare<M: Message, P: Serialize + DeserializeOwned>(table: &mut Table, name: &str, ours: &M) {
    let payload = postcard::to_stdvec(ours).expect("it can be encoded");
    let plain: P = postcard::from_bytes(&payload).expect("it has the same fields");
    let mut cdr = Vec::new();
    hiroz_cdr::to_vec_reuse::<_, hiroz_cdr::LittleEndian>(&plain, &mut cdr).expect("it can be encoded");
    let proven = ProvingGround::new(Identity::from_seed(&[7; 32]), TrustPolicy::default())
        .expect("the key is sound")
        .prove(1, 1, &payload)
        .expect("it is genuine");

    let (mut first, mut second, mut third) = (Vec::new(), Vec::new(), Vec::new());
    let mut fixed = vec![0; payload.len()];
    table.row(
        name,
        "encode into a buffer that is used again",
        &mut [
            ("ours", &mut || {
                first.clear();
                proving_ground::encode(black_box(ours), 1, &mut first).expect("it is within its limits");
            }),
            ("postcard", &mut || {
                second.clear();
                second = postcard::to_extend(black_box(&plain), mem::take(&mut second)).expect("it can be encoded");
            }),
            ("postcard, length known", &mut || {
                black_box(postcard::to_slice(black_box(&plain), &mut fixed).expect("it fits"));
            }),
            ("CDR", &mut || {
                hiroz_cdr::to_vec_reuse::<_, hiroz_cdr::LittleEndian>(black_box(&plain), &mut third)
                    .expect("it can be encoded");
            }),
        ],
    );
    assert!(first == payload && second == payload && fixed == payload && third == cdr);
    table.row(
        name,
        "encode into a new buffer",
        &mut [
            ("ours", &mut || {
                let mut bytes = Vec::new();
                proving_ground::encode(black_box(ours), 1, &mut bytes).expect("it is within its limits");
                black_box(bytes);
            }),
            ("postcard", &mut || {
                black_box(postcard::to_stdvec(black_box(&plain)).expect("it can be encoded"));
            }),
            ("CDR", &mut || {
                let bytes = hiroz_cdr::to_vec::<_, hiroz_cdr::LittleEndian>(black_box(&plain), cdr.len());
                black_box(bytes.expect("it can be encoded"));
            }),
        ],
    );
    table.row(
        name,
        "decode",
        &mut [
            ("ours", &mut || {
                black_box(black_box(&proven).decode::<M>().expect("it is of its type"));
            }),
            ("postcard", &mut || {
                black_box(postcard::from_bytes::<P>(black_box(&payload)).expect("it is of its type"));
            }),
            ("CDR", &mut || {
                let message = hiroz_cdr::from_bytes::<P, hiroz_cdr::LittleEndian>(black_box(&cdr));
                black_box(message.expect("it is of its type"));
            }),
        ],
    );
    run_time_type::<M, P>(table, name, &payload, &cdr);
}

/// Measures the codec that knows the type from its description only, beside generated code for the same way.
fn run_time_type<M: Message, P: Serialize + DeserializeOwned>(
    table: &mut Table,
    name: &str,
    payload: &[u8],
    expected: &[u8],
) {
    let sources: Vec<(&str, &str)> = M::DEFINITIONS.iter().map(|file| (file.type_name, file.text)).collect();
    let support = TypeSupport::compile(M::TYPE_NAME, &sources).expect("the schema is sound");
    let codec = support.run_time_type().expect("the description is complete");
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    table.row(
        name,
        "payload to CDR",
        &mut [
            ("ours", &mut || {
                ours.clear();
                codec
                    .payload_to_cdr(black_box(payload), &mut ours)
                    .expect("it is of its type");
            }),
            ("postcard, then CDR", &mut || {
                let message: P = postcard::from_bytes(black_box(payload)).expect("it is of its type");
                hiroz_cdr::to_vec_reuse::<_, hiroz_cdr::LittleEndian>(&message, &mut theirs)
                    .expect("it can be encoded");
            }),
        ],
    );
    // Four bytes of header stand before ours.
    assert!(ours.get(4..) == Some(expected) && theirs == expected);
    let mut text = String::new();
    table.row(
        name,
        "payload to JSON",
        &mut [
            ("ours", &mut || {
                text.clear();
                codec
                    .write_json(black_box(payload), &mut text)
                    .expect("it is of its type");
            }),
            ("postcard, then serde_json", &mut || {
                let message: P = postcard::from_bytes(black_box(payload)).expect("it is of its type");
                black_box(serde_json::to_vec(&message).expect("it can be written"));
            }),
        ],
    );
}
