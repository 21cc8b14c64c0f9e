using System.Runtime.InteropServices;

namespace WirePS.Cryptography;

/// <summary>
/// Finds, loads and tests libsodium, once. Nothing happens when the module is imported: every operation that needs
/// the library calls <see cref="EnsureReady"/>, so trouble shows where it matters and with its reason.
/// </summary>
public static class SodiumLibrary
{
    // The newest functions that are used: a library without one of them is too old.
    private static readonly string[] RequiredExports =
    [
        "sodium_init",
        "crypto_core_ed25519_is_valid_point",
        "crypto_core_ed25519_scalar_reduce",
        "crypto_core_ed25519_scalar_mul",
        "crypto_scalarmult_ed25519_noclamp",
        "crypto_scalarmult_ed25519_base_noclamp",
        "crypto_aead_chacha20poly1305_ietf_encrypt",
        "crypto_pwhash",
    ];

    private static readonly Lock Gate = new();
    private static volatile bool s_ready;
    private static nint s_handle;

    /// <summary>
    /// Makes libsodium usable; cheap after the first success and safe from several threads. A failure is not
    /// remembered: after the library was installed the next call succeeds in the same process.
    /// </summary>
    /// <exception cref="WireException">
    /// <see cref="WireReason.SodiumUnavailable"/> when it cannot be loaded or is too old,
    /// <see cref="WireReason.SodiumSelfTestFailed"/> when it gives wrong answers.
    /// </exception>
    public static void EnsureReady()
    {
        if (!s_ready)
        {
            Prepare();
        }
    }

    private static void Prepare()
    {
        lock (Gate)
        {
            if (s_ready)
            {
                return;
            }

            if (s_handle == 0)
            {
                s_handle = Load(Candidates(), static path => NativeLibrary.TryLoad(path, out var handle) ? handle : 0);
                NativeLibrary.SetDllImportResolver(typeof(Sodium).Assembly, static (name, _, _) => name == Sodium.LibraryName ? s_handle : 0);
            }

            if (Sodium.Init() < 0)
            {
                throw new WireException(WireReason.SodiumUnavailable, "libsodium was found but could not be initialised.");
            }

            SodiumSelfTest.Run(SodiumFunctions.Native);
            s_ready = true;
        }
    }

    /// <summary>Loads the first candidate that is a libsodium with every function that is used.</summary>
    /// <param name="candidates">Paths and names, best first.</param>
    /// <param name="tryLoad">The loader: a handle, or 0.</param>
    internal static nint Load(IEnumerable<string> candidates, Func<string, nint> tryLoad)
    {
        string? tooOld = null;
        foreach (var candidate in candidates)
        {
            var handle = tryLoad(candidate);
            if (handle == 0)
            {
                continue;
            }

            if (Array.TrueForAll(RequiredExports, name => NativeLibrary.TryGetExport(handle, name, out _)))
            {
                return handle;
            }

            NativeLibrary.Free(handle);
            tooOld ??= candidate;
        }

        throw new WireException(
            WireReason.SodiumUnavailable,
            tooOld is null ? null : "The libsodium that was found is too old: version 1.0.18 or newer is needed.",
            tooOld);
    }

    /// <summary>Where the library may be: what was shipped with the module first, then what the system has.</summary>
    internal static IEnumerable<string> Candidates()
    {
        var folder = Path.GetDirectoryName(typeof(Sodium).Assembly.Location);
        if (string.IsNullOrEmpty(folder))
        {
            folder = AppContext.BaseDirectory;
        }

        string[] names = OperatingSystem.IsWindows()
            ? ["libsodium.dll"]
            : OperatingSystem.IsMacOS()
                ? ["libsodium.dylib", "libsodium.26.dylib", "libsodium.23.dylib"]
                : ["libsodium.so.26", "libsodium.so.23", "libsodium.so"];

        foreach (var name in names)
        {
            yield return Path.Combine(folder, "runtimes", PortableRuntimeIdentifier(), "native", name);
        }

        foreach (var name in names)
        {
            yield return Path.Combine(folder, name);
        }

        foreach (var name in names)
        {
            yield return name;
        }

        if (OperatingSystem.IsMacOS())
        {
            // Homebrew's folders are not on the loader's path.
            yield return "/opt/homebrew/lib/libsodium.dylib";
            yield return "/usr/local/lib/libsodium.dylib";
        }
    }

    // RuntimeInformation.RuntimeIdentifier names the distribution on source-built runtimes; packages use the portable name.
    private static string PortableRuntimeIdentifier()
    {
        var system = OperatingSystem.IsWindows() ? "win"
            : OperatingSystem.IsMacOS() ? "osx"
            : RuntimeInformation.RuntimeIdentifier.Contains("musl", StringComparison.Ordinal)
                || RuntimeInformation.RuntimeIdentifier.StartsWith("alpine", StringComparison.Ordinal) ? "linux-musl"
            : "linux";
        var processor = RuntimeInformation.ProcessArchitecture switch
        {
            Architecture.X64 => "x64",
            Architecture.X86 => "x86",
            Architecture.Arm64 => "arm64",
            Architecture.Arm => "arm",
            var other => other.ToString(),
        };
        return $"{system}-{processor}";
    }
}
