//! The example's own types, beside those of other packages.

use nuncio_example_package::greenhouse_msgs::msg::{Climate, Vent};
use nuncio_msgs::Message;
use nuncio_msgs::geometry_msgs::msg::Point;

#[test]
fn own_messages_are_made_of_own_and_foreign_ones() {
    let vent = Vent {
        name: "north".to_owned(),
        place: Point { x: 1.0, y: 2.0, z: 3.0 },
        state: Vent::STATE_OPEN,
    };
    let climate = Climate {
        temperature: 21.5,
        humidity: 60.0,
        vents: vec![vent],
        ..Climate::default()
    };
    assert_eq!(climate.check(), Ok(()));
    assert_eq!(Climate::TYPE_NAME, "greenhouse_msgs/msg/Climate");
}

#[test]
fn a_value_outside_of_the_schema_is_named() {
    let climate = Climate {
        humidity: 101.0,
        ..Climate::default()
    };
    let violation = climate.check().map_err(|violation| violation.to_string());
    assert_eq!(violation, Err("humidity is 101, the schema allows 0 to 100".to_owned()));
}
