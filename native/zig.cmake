# Toolchain file: the addons as they are published, built with zig's C++ compiler (PyPI: ziglang) for an old glibc or for musl.
#   ZIG         path of the zig program
#   ZIG_TARGET  such as aarch64-linux-gnu.2.28
set(CMAKE_SYSTEM_NAME Linux)
string(REGEX MATCH "^[^-]+" CMAKE_SYSTEM_PROCESSOR "${ZIG_TARGET}")
set(CMAKE_CXX_COMPILER "${ZIG};c++;-target;${ZIG_TARGET}")
set(CMAKE_CXX_ARCHIVE_CREATE "\"${ZIG}\" ar qc <TARGET> <OBJECTS>")
set(CMAKE_CXX_ARCHIVE_FINISH "\"${ZIG}\" ranlib <TARGET>")
# CMake's checks of the compiler are projects of their own.
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES ZIG ZIG_TARGET)
