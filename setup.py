"""Compiles the kernels; everything else about the package is in pyproject.toml."""

import os
import sys
import tempfile
from pathlib import Path

import numpy
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

KERNELS = [
    "engine/_core.pyx",
    "engine/_irt.pyx",
    "engine/_recommend.pyx",
    "engine/_tracing.pyx",
    "omr/_bubbles.pyx",
    "omr/_glance.pyx",
]


class BuildKernels(build_ext):
    """Adds OpenMP where the compiler has it; the kernels run on one thread without it."""

    def build_extensions(self) -> None:
        msvc = self.compiler.compiler_type == "msvc"
        flags = ["/openmp"] if msvc else ["-fopenmp"]
        openmp = self._compiles(flags)
        for extension in self.extensions:
            extension.extra_compile_args += ["/O2"] if msvc else ["-O3"]
            if openmp:
                extension.extra_compile_args += flags
                extension.extra_link_args += [] if msvc else flags
        if not openmp:
            print("yuejuan: no OpenMP here, kernels will use one thread", file=sys.stderr)
        super().build_extensions()

    def _compiles(self, flags: list[str]) -> bool:
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder, "probe.c")
            source.write_text("#include <omp.h>\nint main(void) { return omp_get_max_threads() < 1; }\n")
            try:
                objects = self.compiler.compile([str(source)], output_dir=folder, extra_postargs=flags)
                self.compiler.link_executable(
                    objects, os.path.join(folder, "probe"), extra_postargs=[] if "/openmp" in flags else flags
                )
            except Exception:  # whatever the tool chain raises, it means: no OpenMP
                return False
        return True


setup(
    ext_modules=cythonize(
        [
            Extension(
                path.removesuffix(".pyx").replace("/", "."),
                [path],
                depends=["engine/_simd.h"] if path == "engine/_core.pyx" else [],
                include_dirs=[numpy.get_include(), "engine"],
                define_macros=[("NPY_NO_DEPRECATED_API", "NPY_1_7_API_VERSION")],
            )
            for path in KERNELS
        ],
        language_level=3,
    ),
    cmdclass={"build_ext": BuildKernels},
)
