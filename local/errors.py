"""The one error that a user of the local runtime meets, and what to do about what the system refuses."""

import errno
import sys
from collections.abc import Callable

LOOPBACK_DOWN = "bring the loopback interface up, as with `ip link set lo up`, and run it again"

NO_PERMISSION = "{what} may not be written or read; change its permissions, or work in a folder of your own."
NO_SPACE = "There is no space left for {what}; free some and run it again."
IN_THE_WAY = "{what} is in the way; move it, or name another folder."
TOO_MANY_FILES = "Too many files are open; allow more, as with `ulimit -n 4096`, and run it again."
SENTENCES = {
    errno.EACCES: NO_PERMISSION,
    errno.EPERM: NO_PERMISSION,
    errno.EROFS: NO_PERMISSION,
    errno.ENOSPC: NO_SPACE,
    errno.EDQUOT: NO_SPACE,
    errno.EEXIST: IN_THE_WAY,
    errno.EISDIR: IN_THE_WAY,
    errno.ENOTDIR: IN_THE_WAY,
    errno.EMFILE: TOO_MANY_FILES,
    errno.ENFILE: TOO_MANY_FILES,
    errno.EADDRNOTAVAIL: f"This machine cannot be reached at 127.0.0.1; {LOOPBACK_DOWN}.",
    errno.ENETUNREACH: f"This machine cannot be reached at 127.0.0.1; {LOOPBACK_DOWN}.",
}


STOPPED = 130
"""The exit code of who was stopped by Ctrl-C, as shells have it."""


class CannotRun(Exception):
    """The system cannot run on this machine; the message is one sentence that says why and what to do."""


def answering(command: Callable[[], int]) -> int:
    """Run a command and return its exit code; 2 and one sentence if it cannot run on this machine.

    Whoever stops it before it can say more is told that it stopped.
    """
    try:
        try:
            return command()
        except OSError as error:
            raise explained(error) from error
    except CannotRun as problem:
        print(problem, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return STOPPED


def explained(error: OSError) -> CannotRun:
    """Return what a user can do about an error of the operating system.

    Raises:
        OSError: it is none of those, but a bug of ours.
    """
    sentence = SENTENCES.get(error.errno or 0)
    if sentence is None:
        raise error
    return CannotRun(sentence.format(what=error.filename or "a file"))
