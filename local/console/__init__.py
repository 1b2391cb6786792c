"""The page of a local run, which shows what goes on inside: executions, jobs, money, events, log lines.

It only reads, listens on loopback, and asks for the key in its address. Nothing of it is in the template.
"""
