"""The CloudFormation stack, written with the CDK."""
