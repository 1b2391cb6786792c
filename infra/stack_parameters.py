"""The parameters as the template declares them, with the defaults of a stage."""

import aws_cdk as cdk
from constructs import Construct

from infra.parameters import PARAMETERS, Parameter
from infra.stages import Stage


class StackParameters(Construct):
    """The parameters of the stack; they stand at its top, so their names have no prefix."""

    def __init__(self, stack: cdk.Stack, stage: Stage) -> None:
        super().__init__(stack, "Parameters")
        self._declared = {parameter.name: self._declare(parameter, stage) for parameter in PARAMETERS}
        self.by_variable: dict[str, str] = {
            parameter.variable: self.text(parameter.name) for parameter in PARAMETERS if parameter.variable
        }

    def text(self, name: str) -> str:
        """Return the value of a parameter by its name."""
        return self._declared[name].value_as_string

    def texts(self, name: str) -> list[str]:
        """Return the values of a parameter that is a list."""
        return self._declared[name].value_as_list

    def _declare(self, parameter: Parameter, stage: Stage) -> cdk.CfnParameter:
        return cdk.CfnParameter(
            cdk.Stack.of(self),
            parameter.name,
            type="CommaDelimitedList" if parameter.is_list else "String",
            default=stage.default_of(parameter),
            description=parameter.description,
            allowed_pattern=f"^({parameter.pattern})$",
            max_length=None
            if parameter.is_list
            else parameter.longest,  # CloudFormation knows none of a list
            constraint_description=f"must be {parameter.must_be}",
        )
