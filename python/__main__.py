"""`python -m ovbench` is `ovbench-coord`, for an interpreter whose commands are not on the path."""

from ovbench.coordinator.entry import main

if __name__ == "__main__":
    main()
