using System.Runtime.InteropServices;

namespace WirePS.Build;

/// <summary>The native libraries: libsodium for the engine, SQLite for the relay.</summary>
internal static class Libraries
{
    private static readonly Library[] Needed =
    [
        new(
            "libsodium",
            ["libsodium.so.26", "libsodium.so.23", "libsodium.so"],
            ["libsodium.dylib", "/opt/homebrew/lib/libsodium.dylib", "/usr/local/lib/libsodium.dylib"],
            ["libsodium.dll"],
            new() { ["apt-get"] = "libsodium23", ["dnf"] = "libsodium", ["apk"] = "libsodium", ["pacman"] = "libsodium", ["brew"] = "libsodium" }),
        new(
            "SQLite",
            ["libsqlite3.so.0", "libsqlite3.so"],
            ["libsqlite3.dylib"],
            ["e_sqlite3.dll", "sqlite3.dll", "winsqlite3.dll"],
            new() { ["apt-get"] = "libsqlite3-0", ["dnf"] = "sqlite-libs", ["apk"] = "sqlite-libs", ["pacman"] = "sqlite", ["brew"] = "sqlite" }),
    ];

    private static readonly (string Manager, string[] Install, string[]? Refresh)[] Managers =
    [
        ("apt-get", ["install", "--yes", "--no-install-recommends"], ["update"]),
        ("dnf", ["install", "--assumeyes"], null),
        ("apk", ["add", "--no-cache"], null),
        ("pacman", ["--sync", "--noconfirm"], ["--sync", "--refresh"]),
        ("brew", ["install"], null),
    ];

    /// <summary>Installs what is missing where that is allowed; what still is gets one line that says how.</summary>
    /// <returns>True where all are there.</returns>
    public static async Task<bool> OfferAsync(CancellationToken cancellationToken)
    {
        Library[] missing = [.. Needed.Where(static l => !l.IsThere())];
        if (missing.Length == 0)
        {
            return true;
        }

        var (manager, install, refresh) = Managers.FirstOrDefault(static m => Programs.Has(m.Manager));
        if (manager is null)
        {
            Console.Error.WriteLine($"build: {Names(missing)} missing; install {(OperatingSystem.IsWindows() ? "the DLL of version 1.0.18 or newer into a folder of PATH (https://doc.libsodium.org/installation)" : "it with the package manager of this system")}");
            return false;
        }

        string[] packages = [.. missing.Select(l => l.Packages[manager])];
        var asRoot = manager == "brew" || Environment.IsPrivilegedProcess;
        if (!asRoot && !await Programs.SucceedsAsync("sudo", ["-n", "true"], cancellationToken))
        {
            Console.Error.WriteLine($"build: {Names(missing)} missing; install with: sudo {manager} {string.Join(' ', install)} {string.Join(' ', packages)}");
            return false;
        }

        Console.WriteLine($"build: installing {string.Join(' ', packages)} with {manager}");
        if (await RunAsync([.. install, .. packages]) != 0 && refresh is not null && await RunAsync(refresh) == 0)
        {
            await RunAsync([.. install, .. packages]);
        }

        missing = [.. missing.Where(static l => !l.IsThere())];
        if (missing.Length > 0)
        {
            Console.Error.WriteLine($"build: {Names(missing)} missing still; {manager} {string.Join(' ', install)} {string.Join(' ', packages)} did not help");
        }

        return missing.Length == 0;

        Task<int> RunAsync(string[] arguments) =>
            asRoot ? Programs.RunAsync(manager, arguments, cancellationToken) : Programs.RunAsync("sudo", ["-n", manager, .. arguments], cancellationToken);
    }

    /// <summary>As <see cref="OfferAsync"/>; ends everything where one is missing.</summary>
    public static async Task RequireAsync(CancellationToken cancellationToken)
    {
        if (!await OfferAsync(cancellationToken))
        {
            throw new BuildException("this cannot go on without the library named above");
        }
    }

    private static string Names(Library[] libraries) => string.Join(" and ", libraries.Select(static l => l.Name)) + (libraries.Length == 1 ? " is" : " are");

    private sealed record Library(string Name, string[] Linux, string[] MacOS, string[] Windows, Dictionary<string, string> Packages)
    {
        public bool IsThere() => Array.Exists(
            OperatingSystem.IsWindows() ? Windows : OperatingSystem.IsMacOS() ? MacOS : Linux,
            static name => NativeLibrary.TryLoad(name, out _));
    }
}
