//! The four messages as a user of plain serde would write them.

use serde::{Deserialize, Serialize};

#[derive(Deserialize, Serialize)]
pub(crate) struct Time {
    sec: i32,
    nanosec: u32,
}

#[derive(Deserialize, Serialize)]
pub(crate) struct Header {
    stamp: Time,
    frame_id: String,
}

#[derive(Deserialize, Serialize)]
pub(crate) struct Vector3 {
    x: f64,
    y: f64,
    z: f64,
}

#[derive(Deserialize, Serialize)]
pub(crate) struct Quaternion {
    x: f64,
    y: f64,
    z: f64,
    w: f64,
}

#[derive(Deserialize, Serialize)]
pub(crate) struct Twist {
    linear: Vector3,
    angular: Vector3,
}

#[derive(Deserialize, Serialize)]
pub(crate) struct Imu {
    header: Header,
    orientation: Quaternion,
    orientation_covariance: [f64; 9],
    angular_velocity: Vector3,
    angular_velocity_covariance: [f64; 9],
    linear_acceleration: Vector3,
    linear_acceleration_covariance: [f64; 9],
}

#[derive(Deserialize, Serialize)]
pub(crate) struct LaserScan {
    header: Header,
    angle_min: f32,
    angle_max: f32,
    angle_increment: f32,
    time_increment: f32,
    scan_time: f32,
    range_min: f32,
    range_max: f32,
    ranges: Vec<f32>,
    intensities: Vec<f32>,
}

#[derive(Deserialize, Serialize)]
pub(crate) struct PointField {
    name: String,
    offset: u32,
    datatype: u8,
    count: u32,
}

#[derive(Deserialize, Serialize)]
pub(crate) struct PointCloud2 {
    header: Header,
    height: u32,
    width: u32,
    fields: Vec<PointField>,
    is_bigendian: bool,
    point_step: u32,
    row_step: u32,
    data: Vec<u8>,
    is_dense: bool,
}
