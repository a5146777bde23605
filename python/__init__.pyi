from .calibrations import Calibration as Calibration
from .calibrations import calibrate as calibrate
from .calls import compare as compare
from .calls import load as load
from .calls import run as run
from .calls import study as study
from .comparisons import Comparison as Comparison
from .errors import Interrupted as Interrupted
from .errors import ListenerWarning as ListenerWarning
from .errors import NotKept as NotKept
from .errors import Unwritable as Unwritable
from .errors import UsageError as UsageError
from .reports import Report as Report
from .studies import Study as Study

__version__: str
__all__: list[str]
