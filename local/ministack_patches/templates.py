"""Makes ministack accept and obey our templates where it reads them otherwise than CloudFormation.

Knows ministack 1.5.33 from inside.
"""

from typing import Any

import ministack.services.apigateway as api_gateway
import ministack.services.cloudformation.provisioners as provisioners

Document = dict[str, Any]


def install() -> None:
    """Make all corrections; once, before the first deployment."""
    read_cors_settings()
    accept_alarms_on_expressions()


def read_cors_settings() -> None:
    """Settings from a template, spelt ``AllowOrigins``, count like the API's own, spelt ``allowOrigins``."""
    headers, preflight = api_gateway._cors_response_headers, api_gateway._cors_preflight_response

    def spelt_like_the_api(settings: Document) -> Document:
        return {name[0].lower() + name[1:]: value for name, value in settings.items()}

    def headers_as_told(settings: Document, origin: str) -> Document:
        answer: Document = headers(spelt_like_the_api(settings), origin)
        return answer

    def preflight_as_told(settings: Document, origin: str) -> Any:
        return preflight(spelt_like_the_api(settings), origin)

    api_gateway._cors_response_headers = headers_as_told
    api_gateway._cors_preflight_response = preflight_as_told


def accept_alarms_on_expressions() -> None:
    """An alarm on metric math becomes one on a metric without values: it is there and never sounds."""
    record = provisioners._cw_metric_alarm_record

    def record_any(name: str, properties: Document) -> Document:
        if "Metrics" in properties:
            plain = {key: value for key, value in properties.items() if key != "Metrics"}
            properties = {
                **plain,
                "Namespace": "Local",
                "MetricName": "Expression",
                "Period": 60,
                "Statistic": "Sum",
            }
        result: Document = record(name, properties)
        return result

    provisioners._cw_metric_alarm_record = record_any
