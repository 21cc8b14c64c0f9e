using System.Security.Cryptography;
using FsCheck.Fluent;
using WirePS.Cryptography;
using WirePS.Pairing;
using Xunit;

namespace WirePS.Tests.Cryptography;

public sealed class PairingV2Tests
{
    private const string Code = "CUGV3ELVQSK2";
    private static readonly string Lookup = string.Concat(Enumerable.Range(0, 32).Select(i => i.ToString("x2", null)));

    [Fact]
    public void Two_sides_with_the_same_code_agree_on_everything()
        => Properties.Hold(Properties.Seeds, seed =>
        {
            using var pair = new Exchange(seed);
            return Same(pair.AtHost, pair.AtGuest)
                && !pair.AtHost.ConfirmHost.AsSpan().SequenceEqual(pair.AtHost.ConfirmGuest)
                && !pair.AtHost.KeyHost.FixedTimeEquals(pair.AtHost.KeyGuest.Span)
                && !pair.AtHost.ProofSecret.FixedTimeEquals(pair.AtHost.KeyHost.Span)
                && IsSixDigits(pair.AtHost.SasHost) && IsSixDigits(pair.AtHost.SasGuest);
        });

    [Fact]
    public void Different_codes_never_agree()
        => Properties.Hold(Properties.Seeds, seed =>
        {
            using var other = Scalar([.. seed, 9]);
            using var pair = new Exchange(seed, other.Span);
            return NothingInCommon(pair.AtHost, pair.AtGuest);
        });

    [Fact]
    public void Different_codes_meet_nowhere_and_equal_ones_always()
    {
        using var one = PairingV2.Stretch(Code);
        foreach (var code in (string[])["J3VFJBKF2OEM", "2K7YSTKG6U6K"])
        {
            using var other = PairingV2.Stretch(code);
            using var again = PairingV2.Stretch(code);
            Assert.NotEqual(one.Lookup, other.Lookup);
            Assert.False(one.W.FixedTimeEquals(other.W.Span));
            Assert.Equal(other.Lookup, again.Lookup);
            Assert.True(other.W.FixedTimeEquals(again.W.Span));
        }
    }

    [Fact]
    public void The_constants_come_from_the_seeds_of_the_RFC()
    {
        byte[] one = [1, .. new byte[31]];
        using var m = Edwards25519PairingGroup.Mask(PairRole.Host, one);
        using var n = Edwards25519PairingGroup.Mask(PairRole.Guest, one);
        Assert.Equal(EdwardsReference.PointOfSeed("edwards25519 point generation seed (M)"u8), m.Span.ToArray());
        Assert.Equal(EdwardsReference.PointOfSeed("edwards25519 point generation seed (N)"u8), n.Span.ToArray());
    }

    [Fact]
    public void An_independent_computation_gives_the_same_points()
    {
        var m = Point(EdwardsReference.PointOfSeed("edwards25519 point generation seed (M)"u8));
        var n = Point(EdwardsReference.PointOfSeed("edwards25519 point generation seed (N)"u8));
        for (var seed = 0; seed < 4; seed++)
        {
            var random = new SeededRandomSource(seed);
            var wide = new byte[PairingV2.ScalarRandomBytes];
            random.Fill(wide);
            using var x = PairingV2.Scalar(wide)!;
            Assert.Equal(EdwardsReference.Number(wide) % EdwardsReference.Order, EdwardsReference.Number(x.Span));
            random.Fill(wide);
            using var y = PairingV2.Scalar(wide)!;
            random.Fill(wide);
            using var w = PairingV2.Scalar(wide)!;

            var (xn, yn, wn) = (EdwardsReference.Number(x.Span), EdwardsReference.Number(y.Span), EdwardsReference.Number(w.Span));
            var shareHost = EdwardsReference.Add(EdwardsReference.Multiply(xn, EdwardsReference.Base), EdwardsReference.Multiply(wn, m));
            var shareGuest = EdwardsReference.Add(EdwardsReference.Multiply(yn, EdwardsReference.Base), EdwardsReference.Multiply(wn, n));
            Assert.Equal(EdwardsReference.Encode(shareHost), PairingV2.Share(PairRole.Host, x.Span, w.Span));
            Assert.Equal(EdwardsReference.Encode(shareGuest), PairingV2.Share(PairRole.Guest, y.Span, w.Span));

            // K = 8·x·(pB - w·N), without taking 8·x modulo the order.
            var unmasked = EdwardsReference.Add(shareGuest, EdwardsReference.Negate(EdwardsReference.Multiply(wn, n)));
            var shared = EdwardsReference.Encode(EdwardsReference.Multiply(8 * xn, unmasked));
            using var atHost = Edwards25519PairingGroup.SharedPoint(PairRole.Host, x.Span, w.Span, EdwardsReference.Encode(shareGuest));
            using var atGuest = Edwards25519PairingGroup.SharedPoint(PairRole.Guest, y.Span, w.Span, EdwardsReference.Encode(shareHost));
            Assert.Equal(shared, atHost.Span.ToArray());
            Assert.Equal(shared, atGuest.Span.ToArray());
            Assert.Equal(EdwardsReference.Encode(EdwardsReference.Multiply(8 * xn * yn, EdwardsReference.Base)), shared);
        }
    }

    [Fact]
    public void A_share_that_was_changed_anywhere_is_refused_or_breaks_the_confirmation()
    {
        using var pair = new Exchange([1]);
        for (var bit = 0; bit < 8 * PairingV2.ValueBytes; bit++)
        {
            var changed = Flip(pair.ShareGuest, bit);
            try
            {
                using var keys = PairingV2.Derive(PairRole.Host, pair.X.Span, pair.W.Span, pair.ShareHost, changed, pair.CommitHost, pair.CommitGuest);
                Assert.True(NothingInCommon(keys, pair.AtGuest));
            }
            catch (WireException refused)
            {
                Assert.Equal(WireReason.InvalidShare, refused.Reason);
            }
        }
    }

    [Fact]
    public void An_identity_commitment_that_was_changed_anywhere_breaks_the_confirmation()
    {
        using var pair = new Exchange([2]);
        for (var bit = 0; bit < 8 * PairingV2.ValueBytes; bit += 3)
        {
            using var host = PairingV2.Derive(
                PairRole.Host, pair.X.Span, pair.W.Span, pair.ShareHost, pair.ShareGuest, pair.CommitHost, Flip(pair.CommitGuest, bit));
            using var guest = PairingV2.Derive(
                PairRole.Guest, pair.Y.Span, pair.W.Span, pair.ShareGuest, pair.ShareHost, pair.CommitGuest, Flip(pair.CommitHost, bit));
            Assert.True(NothingInCommon(host, pair.AtGuest));
            Assert.True(NothingInCommon(guest, pair.AtHost));
        }
    }

    [Fact]
    public void A_share_that_comes_back_gives_no_confirmation()
    {
        using var pair = new Exchange([3]);
        using var reflected = PairingV2.Derive(
            PairRole.Host, pair.X.Span, pair.W.Span, pair.ShareHost, pair.ShareHost, pair.CommitHost, pair.CommitHost);
        Assert.NotEqual(reflected.ConfirmHost, reflected.ConfirmGuest);
    }

    [Theory]
    [MemberData(nameof(SodiumTests.BadPoints), MemberType = typeof(SodiumTests))]
    public void Points_outside_the_prime_order_subgroup_are_refused(string point)
    {
        RefusedShare(WireReason.InvalidShare, PairRole.Host, Convert.FromHexString(point));
        RefusedShare(WireReason.InvalidShare, PairRole.Guest, Convert.FromHexString(point));
    }

    [Fact]
    public void A_share_that_is_nothing_but_the_mask_is_refused()
    {
        using var pair = new Exchange([4]);
        using var ofHost = Edwards25519PairingGroup.Mask(PairRole.Host, pair.W.Span);
        using var ofGuest = Edwards25519PairingGroup.Mask(PairRole.Guest, pair.W.Span);
        RefusedShare(WireReason.InvalidShare, PairRole.Host, ofGuest.Span.ToArray());
        RefusedShare(WireReason.InvalidShare, PairRole.Guest, ofHost.Span.ToArray());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(31)]
    [InlineData(33)]
    public void Received_values_of_another_length_are_a_protocol_error(int length)
    {
        using var pair = new Exchange([4]);
        var value = new byte[length];
        var good = new byte[PairingV2.ValueBytes];
        RefusedShare(WireReason.ProtocolError, PairRole.Host, value);
        ProtocolError(() => PairingV2.Derive(PairRole.Guest, pair.Y.Span, pair.W.Span, pair.ShareGuest, pair.ShareHost, pair.CommitGuest, value));
        ProtocolError(() => PairingV2.IdCommit(PairRole.Host, value, good));
        ProtocolError(() => PairingV2.IdCommit(PairRole.Host, good, value));
        ProtocolError(() => PairingV2.Commit(Lookup, value, good, good));
        ProtocolError(() => PairingV2.Commit(Lookup, good, value, good));
        ProtocolError(() => PairingV2.Commit(Lookup, good, good, value));
    }

    [Fact]
    public void Hostile_shares_end_in_keys_that_do_not_agree_or_in_a_named_reason()
    {
        using var pair = new Exchange([5]);
        Properties.Hold(Gen.OneOf(Properties.Seeds, Properties.Bytes), share =>
        {
            try
            {
                using var keys = PairingV2.Derive(PairRole.Host, pair.X.Span, pair.W.Span, pair.ShareHost, share, pair.CommitHost, pair.CommitGuest);
                return NothingInCommon(keys, pair.AtGuest);
            }
            catch (WireException refused)
            {
                return refused.Reason == (share.Length == PairingV2.ValueBytes ? WireReason.InvalidShare : WireReason.ProtocolError);
            }
        });
    }

    [Fact]
    public void Random_bytes_that_make_zero_are_to_be_drawn_again()
    {
        var order = EdwardsReference.Order;
        Assert.Null(PairingV2.Scalar(new byte[64]));
        Assert.Null(PairingV2.Scalar(Wide(order)));
        Assert.Null(PairingV2.Scalar(Wide(order * 1000)));
        using var one = PairingV2.Scalar(Wide(order + 1));
        Assert.Equal(1, EdwardsReference.Number(one!.Span));
        Assert.Throws<ArgumentException>(() => PairingV2.Scalar(new byte[63]));
    }

    [Fact]
    public void Scalars_that_nobody_may_use_are_refused()
    {
        byte[] one = [1, .. new byte[31]];
        foreach (var bad in (byte[][])[new byte[32], Wide(EdwardsReference.Order)[..32], new byte[31], [.. Enumerable.Repeat((byte)0xFF, 32)]])
        {
            Assert.Throws<ArgumentException>(() => PairingV2.Share(PairRole.Host, bad, one));
            Assert.Throws<ArgumentException>(() => PairingV2.Share(PairRole.Host, one, bad));
            Assert.Throws<ArgumentException>(() => PairingV2.Derive(PairRole.Host, bad, one, new byte[32], new byte[32], new byte[32], new byte[32]));
            Assert.Throws<ArgumentException>(() => PairingV2.Derive(PairRole.Host, one, bad, new byte[32], new byte[32], new byte[32], new byte[32]));
        }
    }

    [Fact]
    public void Commitments_depend_on_every_bit_and_on_the_role()
    {
        var parts = new byte[3 * PairingV2.ValueBytes];
        var seen = new HashSet<string>(StringComparer.Ordinal);
        for (var bit = -1; bit < 8 * parts.Length; bit++)
        {
            var changed = bit < 0 ? parts : Flip(parts, bit);
            Assert.True(seen.Add(Convert.ToHexString(PairingV2.Commit(Lookup, changed.AsSpan(0, 32), changed.AsSpan(32, 32), changed.AsSpan(64)))));
            if (bit < 8 * 64)
            {
                Assert.True(seen.Add(Convert.ToHexString(PairingV2.IdCommit(PairRole.Host, changed.AsSpan(0, 32), changed.AsSpan(32, 32)))));
                Assert.True(seen.Add(Convert.ToHexString(PairingV2.IdCommit(PairRole.Guest, changed.AsSpan(0, 32), changed.AsSpan(32, 32)))));
            }
        }

        Assert.True(seen.Add(Convert.ToHexString(PairingV2.Commit(new string('0', 64), parts.AsSpan(0, 32), parts.AsSpan(32, 32), parts.AsSpan(64)))));
    }

    [Fact]
    public void A_sealed_message_opens_as_it_was_sealed()
        => Properties.Hold(Gen.Zip(Properties.Seeds, Gen.Zip(Properties.Bytes, Gen.Choose(0, 255))), input =>
        {
            var (key, (plaintext, phase)) = input;
            var blob = PairingV2.Seal(key, Lookup, PairRole.Guest, phase, plaintext);
            return blob.Length == plaintext.Length + PairingV2.SealOverheadBytes
                && PairingV2.Open(key, Lookup, PairRole.Guest, phase, blob) is { } opened && opened.AsSpan().SequenceEqual(plaintext)
                && PairingV2.Seal(key, Lookup, PairRole.Guest, phase, plaintext).AsSpan().SequenceEqual(blob);
        });

    [Fact]
    public void A_sealed_message_that_was_changed_or_moved_does_not_open()
    {
        var key = SHA256.HashData("key"u8);
        var blob = PairingV2.Seal(key, Lookup, PairRole.Host, 2, "{\"accept\":true}"u8);
        Assert.NotNull(PairingV2.Open(key, Lookup, PairRole.Host, 2, blob));
        for (var bit = 0; bit < 8 * blob.Length; bit++)
        {
            Assert.Null(PairingV2.Open(key, Lookup, PairRole.Host, 2, Flip(blob, bit)));
        }

        for (var length = 0; length < blob.Length; length++)
        {
            Assert.Null(PairingV2.Open(key, Lookup, PairRole.Host, 2, blob.AsSpan(0, length)));
        }

        Assert.Null(PairingV2.Open(key, Lookup, PairRole.Host, 2, [.. blob, 0]));
        for (var bit = 0; bit < 256; bit++)
        {
            Assert.Null(PairingV2.Open(Flip(key, bit), Lookup, PairRole.Host, 2, blob));
            Assert.Null(PairingV2.Open(key, Convert.ToHexStringLower(Flip(Convert.FromHexString(Lookup), bit)), PairRole.Host, 2, blob));
            Assert.Equal(bit == 2, PairingV2.Open(key, Lookup, PairRole.Host, bit, blob) is not null);
        }

        Assert.Null(PairingV2.Open(key, Lookup, PairRole.Guest, 2, blob));
    }

    [Fact]
    public void The_phase_is_bound_by_more_than_the_nonce()
    {
        // Everything but the associated data as for phase 1: the message of one phase is none of another.
        SodiumLibrary.EnsureReady();
        var key = SHA256.HashData("key"u8);
        var nonce = new byte[Sodium.NonceBytes];
        nonce[^1] = 1;
        byte[] associatedData = [.. "WirePS/v2\0"u8, .. Convert.FromHexString(Lookup), (byte)'H', 2];
        var blob = SodiumFunctions.Native.Seal(key, nonce, associatedData, "x"u8);
        Assert.Null(PairingV2.Open(key, Lookup, PairRole.Host, 1, blob));
        associatedData[^1] = 1;
        Assert.NotNull(PairingV2.Open(key, Lookup, PairRole.Host, 1, SodiumFunctions.Native.Seal(key, nonce, associatedData, "x"u8)));
    }

    [Fact]
    public void What_cannot_be_sealed_is_refused()
    {
        var key = new byte[32];
        foreach (var lookup in (string[])["", Lookup[1..], Lookup + "00", "zz" + Lookup[2..]])
        {
            Assert.Throws<ArgumentException>(() => PairingV2.Seal(key, lookup, PairRole.Host, 1, []));
            Assert.Throws<ArgumentException>(() => PairingV2.Commit(lookup, key, key, key));
        }

        Assert.Throws<ArgumentException>(() => PairingV2.Seal(new byte[31], Lookup, PairRole.Host, 1, []));
        Assert.Throws<ArgumentException>(() => PairingV2.Open(new byte[33], Lookup, PairRole.Host, 1, []));
        Assert.Throws<ArgumentOutOfRangeException>(() => PairingV2.Seal(key, Lookup, PairRole.Host, -1, []));
        Assert.Throws<ArgumentOutOfRangeException>(() => PairingV2.Seal(key, Lookup, PairRole.Host, 256, []));
        Assert.Throws<ArgumentOutOfRangeException>(() => PairingV2.Seal(key, Lookup, (PairRole)2, 1, []));
        Assert.Throws<ArgumentException>(() => PairingV2.ProofText(PairRole.Host, new byte[31], []));
    }

    [Fact]
    public void A_proof_is_of_one_side_one_exchange_and_one_card()
    {
        var secret = SHA256.HashData("secret"u8);
        var seed = SHA256.HashData("seed"u8);
        var publicKey = Ed25519.PublicKey(seed);
        var proof = Ed25519.Sign(seed, PairingV2.ProofText(PairRole.Host, secret, "card"u8));
        Assert.True(Ed25519.Verify(publicKey, PairingV2.ProofText(PairRole.Host, secret, "card"u8), proof));
        Assert.False(Ed25519.Verify(publicKey, PairingV2.ProofText(PairRole.Guest, secret, "card"u8), proof));
        Assert.False(Ed25519.Verify(publicKey, PairingV2.ProofText(PairRole.Host, Flip(secret, 255), "card"u8), proof));
        Assert.False(Ed25519.Verify(publicKey, PairingV2.ProofText(PairRole.Host, secret, "card "u8), proof));
    }

    [Fact]
    public void A_failed_derivation_consumes_nothing()
    {
        using var pair = new Exchange([6]);
        for (var attempt = 0; attempt < 3; attempt++)
        {
            Assert.Throws<WireException>(() => PairingV2.Derive(
                PairRole.Host, pair.X.Span, pair.W.Span, pair.ShareHost, new byte[32], pair.CommitHost, pair.CommitGuest));
            using var keys = PairingV2.Derive(PairRole.Host, pair.X.Span, pair.W.Span, pair.ShareHost, pair.ShareGuest, pair.CommitHost, pair.CommitGuest);
            Assert.True(Same(keys, pair.AtGuest));
        }
    }

    [Fact]
    public void Keys_are_erased_and_never_show_themselves()
    {
        using var pair = new Exchange([7]);
        Assert.Equal(nameof(PairingV2Keys), pair.AtHost.ToString());
        pair.AtHost.Dispose();
        Assert.Throws<ObjectDisposedException>(() => pair.AtHost.KeyHost.Span.Length);
        Assert.Throws<ObjectDisposedException>(() => pair.AtHost.KeyGuest.Span.Length);
        Assert.Throws<ObjectDisposedException>(() => pair.AtHost.ProofSecret.Span.Length);
    }

    private static void RefusedShare(WireReason reason, PairRole own, byte[] share)
    {
        using var pair = new Exchange([4]);
        var refused = Assert.Throws<WireException>(() => PairingV2.Derive(
            own, pair.X.Span, pair.W.Span, pair.ShareHost, share, pair.CommitHost, pair.CommitGuest));
        Assert.Equal(reason, refused.Reason);
        Assert.Null(refused.Target);
        if (share.Length > 0)
        {
            Assert.DoesNotContain(Convert.ToHexString(share), refused.Message, StringComparison.OrdinalIgnoreCase);
        }
    }

    private static void ProtocolError(Func<object> action)
        => Assert.Equal(WireReason.ProtocolError, Assert.Throws<WireException>(action).Reason);

    private static bool Same(PairingV2Keys one, PairingV2Keys other)
        => one.KeyHost.FixedTimeEquals(other.KeyHost.Span)
            && one.KeyGuest.FixedTimeEquals(other.KeyGuest.Span)
            && one.ProofSecret.FixedTimeEquals(other.ProofSecret.Span)
            && one.ConfirmHost.AsSpan().SequenceEqual(other.ConfirmHost)
            && one.ConfirmGuest.AsSpan().SequenceEqual(other.ConfirmGuest)
            && one.SasHost == other.SasHost
            && one.SasGuest == other.SasGuest;

    // The digits are left out: one pair in a million has them in common by chance.
    private static bool NothingInCommon(PairingV2Keys one, PairingV2Keys other)
        => !one.KeyHost.FixedTimeEquals(other.KeyHost.Span)
            && !one.KeyGuest.FixedTimeEquals(other.KeyGuest.Span)
            && !one.ProofSecret.FixedTimeEquals(other.ProofSecret.Span)
            && !one.ConfirmHost.AsSpan().SequenceEqual(other.ConfirmHost)
            && !one.ConfirmGuest.AsSpan().SequenceEqual(other.ConfirmGuest);

    private static bool IsSixDigits(string digits) => digits.Length == 6 && digits.All(char.IsAsciiDigit);

    private static byte[] Flip(ReadOnlySpan<byte> bytes, int bit)
    {
        var changed = bytes.ToArray();
        changed[bit / 8] ^= (byte)(1 << (bit % 8));
        return changed;
    }

    private static byte[] Wide(System.Numerics.BigInteger number)
    {
        var bytes = new byte[PairingV2.ScalarRandomBytes];
        number.ToByteArray(isUnsigned: true).CopyTo(bytes, 0);
        return bytes;
    }

    private static EdwardsReference.Point Point(byte[] bytes) => EdwardsReference.Decode(bytes)!.Value;

    private static SecretBytes Scalar(ReadOnlySpan<byte> seed) => PairingV2.Scalar(SHA512.HashData(seed))!;

    /// <summary>Both sides of an exchange that one seed decides; with two password scalars where the codes differ.</summary>
    private sealed class Exchange : IDisposable
    {
        public Exchange(byte[] seed, ReadOnlySpan<byte> guestW = default)
        {
            X = Scalar([.. seed, 1]);
            Y = Scalar([.. seed, 2]);
            W = Scalar([.. seed, 3]);
            var otherW = guestW.IsEmpty ? W.Span : guestW;
            CommitHost = SHA256.HashData([.. seed, 4]);
            CommitGuest = SHA256.HashData([.. seed, 5]);
            ShareHost = PairingV2.Share(PairRole.Host, X.Span, W.Span);
            ShareGuest = PairingV2.Share(PairRole.Guest, Y.Span, otherW);
            AtHost = PairingV2.Derive(PairRole.Host, X.Span, W.Span, ShareHost, ShareGuest, CommitHost, CommitGuest);
            AtGuest = PairingV2.Derive(PairRole.Guest, Y.Span, otherW, ShareGuest, ShareHost, CommitGuest, CommitHost);
        }

        public SecretBytes X { get; }

        public SecretBytes Y { get; }

        public SecretBytes W { get; }

        public byte[] CommitHost { get; }

        public byte[] CommitGuest { get; }

        public byte[] ShareHost { get; }

        public byte[] ShareGuest { get; }

        public PairingV2Keys AtHost { get; }

        public PairingV2Keys AtGuest { get; }

        public void Dispose()
        {
            X.Dispose();
            Y.Dispose();
            W.Dispose();
            AtHost.Dispose();
            AtGuest.Dispose();
        }
    }
}
