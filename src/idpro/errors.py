"""The exceptions of IDPro, all in one tree.

IDProError                     anything IDPro refuses to do or cannot do
├── InputError                 what was handed in is wrong: the message says what, where and the remedy
│   ├── VideoError             a video that is missing, broken, empty, or a frame that does not exist
│   ├── ScribbleError          a stroke, click, box or scribble file that makes no sense
│   ├── MaskError              a mask of another size, mode or with impossible ids
│   ├── CheckpointError        a weights file that is broken or belongs to another network
│   ├── LayoutError            a data set folder that is not laid out as expected
│   ├── WorkspaceError         a workspace that is not one, is damaged, or is open elsewhere
│   ├── ConfigError            an option or configuration value that is out of range
│   └── OutputError            a place that cannot be written to
└── MissingExtra               an optional dependency is not installed; the message has the pip line

The command line turns an ``IDProError`` into one line on stderr and exit code 2, the server into a 4xx.
"""


class IDProError(Exception):
    """Anything IDPro refuses to do or cannot do."""


class InputError(IDProError):
    """What was handed in is wrong. The message is one line: what, where, remedy."""


class VideoError(InputError):
    """A video that is missing, broken or empty, or a frame that does not exist."""


class ScribbleError(InputError):
    """A stroke, click, box or scribble file that makes no sense."""


class MaskError(InputError):
    """A mask of another size or mode, or with impossible ids."""


class CheckpointError(InputError):
    """A weights file that is broken or belongs to another network."""


class LayoutError(InputError):
    """A data set folder that is not laid out as expected."""


class WorkspaceError(InputError):
    """A workspace that is not one, is damaged, or is open elsewhere."""


class ConfigError(InputError):
    """An option or configuration value that is out of range."""


class OutputError(InputError):
    """A place that cannot be written to."""


class MissingExtra(IDProError):
    """An optional dependency is not installed."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"{package} is not installed: pip install 'idpro[{extra}]'")
