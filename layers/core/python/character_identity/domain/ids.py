"""The form of ids: of ours, of secrets in callback addresses, and of what callers send for one."""

import re

ID_PATTERN = "[A-Za-z0-9_-]{1,128}"
ID = re.compile(ID_PATTERN)
