"""`python -m onenet` is the command `onenet`."""

from onenet.cli import main

main()
