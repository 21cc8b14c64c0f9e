using System.Diagnostics;
using System.Text;
using FsCheck.Fluent;
using WirePS.Cryptography;
using Xunit;

namespace WirePS.Tests.Cryptography;

public sealed class SymmetricSpake2Tests
{
    private static readonly byte[] Password = Encoding.ASCII.GetBytes("12-ABCDEF");
    private static readonly byte[] Identity = Encoding.ASCII.GetBytes(CodePhrase.Hash("12-ABCDEF"));

    [Fact]
    public void Two_sides_with_the_same_code_agree()
        => Properties.Hold(Gen.Zip(Properties.Codes, Gen.Zip(Properties.Seeds, Properties.Seeds)), input =>
        {
            var (code, (one, other)) = input;
            var password = Encoding.ASCII.GetBytes(code);
            var identity = Encoding.ASCII.GetBytes(CodePhrase.Hash(code));
            using var x = SymmetricSpake2.ScalarFromSeed(one);
            using var y = SymmetricSpake2.ScalarFromSeed(other);
            if (one.AsSpan().SequenceEqual(other))
            {
                return true;
            }

            using var left = SymmetricSpake2.Finish(password, identity, x.Span, SymmetricSpake2.Message(password, y.Span));
            using var right = SymmetricSpake2.Finish(password, identity, y.Span, SymmetricSpake2.Message(password, x.Span));
            return left.FixedTimeEquals(right.Span);
        });

    [Fact]
    public void Different_codes_and_identities_do_not_agree()
    {
        using var x = Scalar(1);
        using var y = Scalar(2);
        var otherPassword = Encoding.ASCII.GetBytes("12-ABCDEG");
        using var mine = SymmetricSpake2.Finish(Password, Identity, x.Span, SymmetricSpake2.Message(otherPassword, y.Span));
        using var theirs = SymmetricSpake2.Finish(otherPassword, Identity, y.Span, SymmetricSpake2.Message(Password, x.Span));
        using var elsewhere = SymmetricSpake2.Finish(Password, [], x.Span, SymmetricSpake2.Message(otherPassword, y.Span));
        Assert.False(mine.FixedTimeEquals(theirs.Span));
        Assert.False(mine.FixedTimeEquals(elsewhere.Span));
    }

    [Theory]
    [InlineData("")]
    [InlineData("53")]
    [InlineData("de6e98029d6ebd6861b564e015829771846e1dda6235b131d93f105778c602da")]
    [InlineData("41de6e98029d6ebd6861b564e015829771846e1dda6235b131d93f105778c602da")]
    [InlineData("53de6e98029d6ebd6861b564e015829771846e1dda6235b131d93f105778c602da00")]
    [InlineData("530200000000000000000000000000000000000000000000000000000000000080")]
    public void A_message_of_another_shape_is_an_invalid_share(string message) => Refused(WireReason.InvalidShare, Convert.FromHexString(message));

    [Theory]
    [MemberData(nameof(SodiumTests.BadPoints), MemberType = typeof(SodiumTests))]
    public void C5_points_outside_the_prime_order_subgroup_are_refused(string point)
        => Refused(WireReason.InvalidShare, [0x53, .. Convert.FromHexString(point)]);

    [Fact]
    public void C5_our_own_message_that_comes_back_is_refused()
    {
        using var scalar = Scalar(1);
        Refused(WireReason.SelfPairing, SymmetricSpake2.Message(Password, scalar.Span));
    }

    [Fact]
    public void C5_a_message_that_is_nothing_but_the_blinding_is_refused()
    {
        // w·S is what a message minus its x·B is; with it the shared point would be the identity.
        using var scalar = Scalar(1);
        var point = new byte[32];
        var unblinded = new byte[32];
        Assert.Equal(0, Sodium.MultiplyBase(unblinded, scalar.Span));
        Assert.Equal(0, Sodium.SubtractPoints(point, SymmetricSpake2.Message(Password, scalar.Span).AsSpan(1), unblinded));
        Refused(WireReason.InvalidShare, [0x53, .. point]);
    }

    [Fact]
    public void C9_a_failed_finish_consumes_nothing()
    {
        using var scalar = Scalar(1);
        using var peer = Scalar(2);
        var message = SymmetricSpake2.Message(Password, peer.Span);
        for (var attempt = 0; attempt < 3; attempt++)
        {
            Assert.Throws<WireException>(() => SymmetricSpake2.Finish(Password, Identity, scalar.Span, message.AsSpan(1)));
            using var key = SymmetricSpake2.Finish(Password, Identity, scalar.Span, message);
            using var peerKey = SymmetricSpake2.Finish(Password, Identity, peer.Span, SymmetricSpake2.Message(Password, scalar.Span));
            Assert.True(key.FixedTimeEquals(peerKey.Span));
        }
    }

    [Fact]
    public void A_scalar_that_nobody_may_use_is_refused()
    {
        // Zero, and the group order itself.
        var order = Convert.FromHexString("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
        Assert.Throws<ArgumentException>(() => SymmetricSpake2.Message(Password, new byte[32]));
        Assert.Throws<ArgumentException>(() => SymmetricSpake2.Message(Password, order));
        Assert.Throws<ArgumentException>(() => SymmetricSpake2.Message(Password, new byte[31]));
        Assert.Throws<ArgumentException>(() => SymmetricSpake2.ScalarFromSeed(new byte[31]));
    }

    [Fact]
    public void Hostile_bytes_end_in_a_key_or_in_a_named_reason()
        => Properties.Hold(Properties.Seeds, seed =>
        {
            using var scalar = Scalar(1);
            try
            {
                using var key = SymmetricSpake2.Finish(Password, Identity, scalar.Span, [0x53, .. seed]);
                return key.Length == 32;
            }
            catch (WireException refused)
            {
                return refused.Reason == WireReason.InvalidShare;
            }
        });

    [PythonSpake2Fact]
    public void It_agrees_with_python_spake2()
    {
        foreach (var code in (string[])["12-ABCDEF", "00-AAAAAA", "99-777777", "73-2QXC4P"])
        {
            var password = Encoding.ASCII.GetBytes(code);
            var codeHash = CodePhrase.Hash(code);
            using var scalar = Scalar(7);
            var lines = PythonSpake2FactAttribute.Run(
                """
                import sys
                from spake2 import SPAKE2_Symmetric
                side = SPAKE2_Symmetric(sys.argv[1].encode(), idSymmetric=sys.argv[2].encode())
                print(side.start().hex())
                print(side.finish(bytes.fromhex(sys.argv[3])).hex())
                """,
                code,
                codeHash,
                Convert.ToHexStringLower(SymmetricSpake2.Message(password, scalar.Span)));
            using var key = SymmetricSpake2.Finish(password, Encoding.ASCII.GetBytes(codeHash), scalar.Span, Convert.FromHexString(lines[0]));
            Assert.Equal(lines[1], Convert.ToHexStringLower(key.Span));
        }
    }

    private static SecretBytes Scalar(byte seed)
    {
        var bytes = new byte[32];
        Array.Fill(bytes, seed);
        return SymmetricSpake2.ScalarFromSeed(bytes);
    }

    private static void Refused(WireReason reason, byte[] message)
    {
        using var scalar = Scalar(1);
        var refused = Assert.Throws<WireException>(() => SymmetricSpake2.Finish(Password, Identity, scalar.Span, message));
        Assert.Equal(reason, refused.Reason);
        Assert.DoesNotContain("ABCDEF", refused.Message, StringComparison.Ordinal);
    }
}

/// <summary>A test against python-spake2; where it cannot be imported the test shows as skipped, with what to install.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class PythonSpake2FactAttribute : FactAttribute
{
    private const string Python = "/usr/bin/python3";
    private static readonly Lazy<string?> Missing = new(Probe);

    public PythonSpake2FactAttribute() => Skip = Missing.Value;

    public static string[] Run(string script, params string[] arguments)
    {
        var start = new ProcessStartInfo(Python) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add("-c");
        start.ArgumentList.Add(script);
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0
            ? output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            : throw new InvalidOperationException("python3 failed: " + errors.GetAwaiter().GetResult());
    }

    private static string? Probe()
    {
        const string Advice = "SKIPPED, the agreement with python-spake2 is NOT tested here: ";
        if (!File.Exists(Python))
        {
            return Advice + "there is no " + Python;
        }

        try
        {
            _ = Run("from spake2 import SPAKE2_Symmetric");
            return null;
        }
        catch (InvalidOperationException)
        {
            return Advice + "install python3-spake2";
        }
    }
}
