using System.Runtime.InteropServices;
using WirePS.Cryptography;
using Xunit;

namespace WirePS.Tests.Cryptography;

public sealed class SodiumTests
{
    public static TheoryData<string> BadPoints => new(
        "359dbf604a3b3bedc20d5408b9d4770fbe52c922979b3178d02ab8d41c9c3a4e",
        "d7fcf1f00e29dd947529006e74d779973e3c1a1bad96b7807ab8644b5604ee50",
        "e9b2fe981587efae6478f48ba1fa60cec6126d0e26dde72a0a24f640dcd783e5",
        "f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0100000000000000000000000000000000000000000000000000000000000000");

    [Fact]
    public void It_gets_ready_from_many_threads_at_once()
        => Parallel.For(0, 32, _ => SodiumLibrary.EnsureReady());

    [Fact]
    public void The_library_of_this_machine_passes_the_self_test()
    {
        SodiumLibrary.EnsureReady();
        SodiumSelfTest.Run(SodiumFunctions.Native);
    }

    [Theory]
    [MemberData(nameof(BadPoints))]
    public void A_library_that_accepts_one_bad_point_is_refused(string point)
    {
        // As CVE-2025-69277 shows itself: everything else is right.
        var bad = Convert.FromHexString(point);
        Refused(Native with { IsValidPoint = candidate => candidate.SequenceEqual(bad) || Native.IsValidPoint(candidate) });
    }

    [Fact]
    public void A_library_that_refuses_good_points_is_refused() => Refused(Native with { IsValidPoint = _ => false });

    [Fact]
    public void A_library_that_signs_wrongly_is_refused()
    {
        Refused(Native with
        {
            Sign = (seed, message) =>
            {
                var (publicKey, signature) = Native.Sign(seed, message);
                signature[0] ^= 1;
                return (publicKey, signature);
            },
        });
        Refused(Native with { Sign = (seed, message) => (new byte[32], Native.Sign(seed, message).Signature) });
    }

    [Fact]
    public void A_library_that_verifies_wrongly_is_refused()
    {
        Refused(Native with { Verify = (_, _, _) => true });
        Refused(Native with { Verify = (_, _, _) => false });
    }

    [Fact]
    public void A_library_that_seals_wrongly_is_refused()
        => Refused(Native with { Seal = (key, nonce, associatedData, plaintext) => Native.Seal(key, nonce, [], plaintext) });

    [Fact]
    public void A_machine_without_the_library_is_told_how_to_get_it()
    {
        var refused = Assert.Throws<WireException>(() => SodiumLibrary.Load(["a", "b"], _ => 0));
        Assert.Equal(WireReason.SodiumUnavailable, refused.Reason);
        Assert.Contains("libsodium", refused.RecommendedAction, StringComparison.Ordinal);
    }

    [Fact]
    public void A_library_without_the_functions_is_passed_over()
    {
        if (!NativeLibrary.TryLoad(OperatingSystem.IsWindows() ? "kernel32.dll" : OperatingSystem.IsMacOS() ? "libSystem.dylib" : "libc.so.6", out var other))
        {
            return;
        }

        var refused = Assert.Throws<WireException>(() => SodiumLibrary.Load(["old"], _ => other));
        Assert.Equal(WireReason.SodiumUnavailable, refused.Reason);
        Assert.Equal("old", refused.Target);
    }

    [Fact]
    public void What_was_shipped_comes_before_what_the_system_has()
    {
        var candidates = SodiumLibrary.Candidates().ToList();
        var bundled = candidates.FindIndex(path => path.Contains(Path.Combine("runtimes", ""), StringComparison.Ordinal));
        var system = candidates.FindIndex(path => !Path.IsPathRooted(path));
        Assert.Equal(0, bundled);
        Assert.True(system > bundled);
    }

    private static SodiumFunctions Native
    {
        get
        {
            SodiumLibrary.EnsureReady();
            return SodiumFunctions.Native;
        }
    }

    private static void Refused(SodiumFunctions functions)
        => Assert.Equal(WireReason.SodiumSelfTestFailed, Assert.Throws<WireException>(() => SodiumSelfTest.Run(functions)).Reason);
}
