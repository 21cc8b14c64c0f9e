#!/usr/bin/env bash
# Everything one does with this source tree: ./build.sh help
set -euo pipefail

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)

if ! command -v dotnet >/dev/null 2>&1; then
    echo "build: the .NET SDK 10 is missing; get it from https://dotnet.microsoft.com/download/dotnet/10.0" >&2
    exit 1
fi

sdk=$(cd -- "$root" && dotnet --version)
if [ "${sdk%%.*}" -lt 10 ]; then
    echo "build: .NET SDK $sdk is too old; get version 10 from https://dotnet.microsoft.com/download/dotnet/10.0" >&2
    exit 1
fi

exec dotnet run --project "$root/build" --configuration Release -- "$@"
