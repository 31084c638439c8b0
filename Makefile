# Each target first makes .venv, or repairs it, if need be: scripts/setup.py, which is also the way on Windows.
#   PY=python3.12    the Python to use         TORCH_INDEX=https://download.pytorch.org/whl/cpu    PyTorch without CUDA
#   ARGS="..."       more arguments for the last command, as in `make run ARGS="device=cuda"`

TARGETS := run test bench install
export PY TORCH_INDEX

.PHONY: help clean $(TARGETS)

help:
	@echo "make run      segment the built-in photographs and show what was found"
	@echo "make test     every check: lint, format, types, layers, tests, documentation"
	@echo "make bench    measure the speed"
	@echo "make install  only make .venv"
	@echo "make clean    remove .venv"

# Any Python that really starts will do here (version managers leave stubs that do not): the script finds the right one.
$(TARGETS):
	@for python in "$(PY)" python3 python python3.13 python3.12 python3.11 python3.10; do \
	  "$$python" -c "import sys; sys.exit(sys.version_info < (3, 6))" 2>/dev/null \
	    && exec "$$python" scripts/setup.py $@ $(ARGS); \
	done; \
	echo "iem needs Python 3.10 to 3.13 and none was found: install one, or name it as in" \
	  "\`make $@ PY=/path/to/python3.12\`." >&2; exit 1

clean:
	rm -rf .venv
