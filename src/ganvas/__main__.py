"""`python -m ganvas`."""

import sys

from ganvas.cli.main import main

sys.exit(main())
