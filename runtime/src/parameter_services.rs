//! The six services with which ROS 2 reaches the parameters of a node.

use std::sync::Arc;

use nuncio_msgs::rcl_interfaces::msg::{
    ListParametersResult, Parameter, ParameterDescriptor, ParameterType, ParameterValue as ValueMessage,
    SetParametersResult,
};
use nuncio_msgs::rcl_interfaces::srv::{
    DescribeParameters, DescribeParametersResponse, GetParameterTypes, GetParameterTypesResponse, GetParameters,
    GetParametersResponse, ListParameters, ListParametersResponse, SetParameters, SetParametersAtomically,
    SetParametersAtomicallyResponse, SetParametersResponse,
};
use nuncio_msgs::service::Service;

use crate::node::Node;
use crate::parameter::{ParameterInfo, ParameterValue};
use crate::parameter_desk::ParameterDesk;
use crate::parameter_table::ParameterTable;
use crate::service_error::ServiceError;
use crate::service_server::Serving;

/// Serves the parameters until what is returned is dropped.
pub(crate) fn serve(node: &Node, desk: &Arc<ParameterDesk>) -> Result<Vec<Serving>, ServiceError> {
    Ok(vec![
        one::<GetParameters>(node, desk, "get_parameters", |desk, request| GetParametersResponse {
            values: each(desk, &request.names, |table, name| {
                table
                    .get(name)
                    .map_or_else(ValueMessage::default, ParameterValue::to_message)
            }),
        })?,
        one::<GetParameterTypes>(node, desk, "get_parameter_types", |desk, request| {
            GetParameterTypesResponse {
                types: each(desk, &request.names, |table, name| {
                    let value = table.get(name);
                    value.map_or(ParameterType::PARAMETER_NOT_SET, |value| value.value_type() as u8)
                }),
            }
        })?,
        one::<DescribeParameters>(node, desk, "describe_parameters", |desk, request| {
            DescribeParametersResponse {
                descriptors: each(desk, &request.names, |table, name| {
                    let unknown = || ParameterDescriptor {
                        name: name.to_owned(),
                        ..ParameterDescriptor::default()
                    };
                    table
                        .describe(name)
                        .as_ref()
                        .map_or_else(unknown, ParameterInfo::to_message)
                }),
            }
        })?,
        one::<ListParameters>(node, desk, "list_parameters", |desk, request| {
            let found = desk.table().list(&request.prefixes, request.depth);
            ListParametersResponse {
                result: ListParametersResult {
                    names: found.names,
                    prefixes: found.prefixes,
                },
            }
        })?,
        one::<SetParameters>(node, desk, "set_parameters", |desk, request| {
            let set = |parameter| set(desk, vec![parameter]);
            SetParametersResponse {
                results: request.parameters.into_iter().map(set).collect(),
            }
        })?,
        one::<SetParametersAtomically>(node, desk, "set_parameters_atomically", |desk, request| {
            SetParametersAtomicallyResponse {
                result: set(desk, request.parameters),
            }
        })?,
    ])
}

fn one<S: Service>(
    node: &Node,
    desk: &Arc<ParameterDesk>,
    name: &str,
    answer: impl Fn(&ParameterDesk, S::Request) -> S::Response + Send + 'static,
) -> Result<Serving, ServiceError> {
    let desk = Arc::clone(desk);
    let server = node.service_server::<S>(&format!("~/{name}"))?;
    server.on_request(move |request, _| Ok(answer(&desk, request)))
}

/// One answer for each name, all of the same moment.
fn each<T>(desk: &ParameterDesk, names: &[String], answer: impl Fn(&ParameterTable, &str) -> T) -> Vec<T> {
    let table = desk.table();
    names.iter().map(|name| answer(&table, name)).collect()
}

fn set(desk: &ParameterDesk, parameters: Vec<Parameter>) -> SetParametersResult {
    let changes = parameters.into_iter().map(|Parameter { name, value }| {
        let value = ParameterValue::from_message(value);
        value
            .map_err(|error| format!("parameter {name}: {error}"))
            .map(|value| (name, value))
    });
    let set = changes
        .collect::<Result<_, _>>()
        .and_then(|changes| desk.set(changes).map_err(|error| error.to_string()));
    SetParametersResult {
        successful: set.is_ok(),
        reason: set.err().unwrap_or_default(),
    }
}
