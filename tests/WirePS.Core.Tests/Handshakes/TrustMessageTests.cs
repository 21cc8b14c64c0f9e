using System.Security.Cryptography;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using WirePS.Cryptography;
using WirePS.Handshakes;
using WirePS.Identity;
using WirePS.Tests.Cryptography;
using WirePS.Tests.Support;
using Xunit;

namespace WirePS.Tests.Handshakes;

/// <summary>The signed messages of a handshake: exactly the text of the specification, and good for nothing else.</summary>
public sealed class TrustMessageTests
{
    private static readonly byte[] Seed = Machine.Bytes(1);
    private static readonly AgentCard Own = AgentCard.Create(Seed, "asking");
    private static readonly AgentCard Other = AgentCard.Create(Machine.Bytes(2), "asked");
    private static readonly TrustMessageType[] Types = Enum.GetValues<TrustMessageType>();

    [Fact]
    public void The_signed_text_is_that_of_the_specification()
    {
        var message = new TrustMessage
        {
            Type = TrustMessageType.Request,
            From = Own.Did,
            FromKey = Convert.ToHexStringLower(Own.PublicKey),
            To = Other.Did,
            ToKey = Convert.ToHexStringLower(Other.PublicKey),
            Justification = "é",
            Timestamp = 1_700_000_000,
            Nonce = "000102030405060708090a0b0c0d0e0f",
        };
        var text = "WirePS/handshake v2\0"
            + $"{{\"from\":\"{Own.Did}\",\"from_key\":\"{Convert.ToHexStringLower(Own.PublicKey)}\","
            + "\"justification_sha256\":\"4a99557e4033c3539de2eb65472017cad5f9557f7a0625a09f1c3f6e2ba69c4c\","
            + "\"nonce\":\"000102030405060708090a0b0c0d0e0f\","
            + "\"reason_sha256\":\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\","
            + $"\"request\":null,\"timestamp\":1700000000,\"to\":\"{Other.Did}\",\"to_key\":\"{Convert.ToHexStringLower(Other.PublicKey)}\",\"type\":\"request\"}}";
        Assert.Equal(text, Encoding.UTF8.GetString(message.SignedText()));
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text))), message.Id);
        var members = Sign(message);
        Assert.True(Ed25519.Verify(Own.PublicKey, message.SignedText(), Convert.FromBase64String(members.GetString("v2_signature")!)));
        Assert.Equal(
            ["justification", "reason", "timestamp", "v2_from", "v2_nonce", "v2_request", "v2_signature", "v2_to", "v2_to_key"],
            members.Members.Select(static m => m.Key));
    }

    [Fact]
    public void What_is_signed_is_read_back() => Properties.Hold(Messages, static message =>
        TrustMessage.Read(message.Type, Sign(message), Own.Did, Own.PublicKey) == message);

    [Fact]
    public void A_message_is_of_no_other_type() => Properties.Hold(Messages, static message =>
        Types.Where(t => t != message.Type).All(t => TrustMessage.Read(t, Sign(message), Own.Did, Own.PublicKey) is null));

    [Fact]
    public void A_message_is_of_nobody_else() => Properties.Hold(Messages, static message =>
        TrustMessage.Read(message.Type, Sign(message), Own.Did, Other.PublicKey) is null
        && TrustMessage.Read(message.Type, Sign(message), Other.Did, Own.PublicKey) is null);

    [Fact]
    public void Nothing_in_a_message_can_be_changed_taken_out_or_made_something_else() => Properties.Hold(
        from message in Messages
        from member in Gen.Elements("justification", "reason", "timestamp", "v2_nonce", "v2_from", "v2_to", "v2_to_key", "v2_request", "v2_signature")
        from value in Gen.OneOf(Properties.Json, Gen.Elements("", "x", new string('0', 32), new string('0', 64)).Select(WireJson.From))
        select (message, member, value),
        static t =>
        {
            var members = Sign(t.message);
            members.TryGet(t.member, out var before);
            var same = before!.ToCompactString() == t.value.ToCompactString();
            var read = TrustMessage.Read(t.message.Type, members.With(t.member, t.value), Own.Did, Own.PublicKey);
            var without = TrustMessage.Read(t.message.Type, members.Without(t.member), Own.Did, Own.PublicKey);

            // A member that says nothing may as well be missing, or null.
            var isNothing = before.Kind == WireJsonKind.Null || before.AsString() == "";
            var saysNothing = t.value.Kind == WireJsonKind.Null || (t.value.AsString() == "" && before.AsString() == "");
            return (without is null) == !isNothing && (read is null) == !(same || (isNothing && saysNothing));
        });

    [Fact]
    public void Random_JSON_is_no_message() => Properties.Hold(Properties.Json, static json => TrustMessage.Read(TrustMessageType.Request, json, Own.Did, Own.PublicKey) is null);

    [Fact]
    public void What_is_said_is_made_printable_and_cut_at_the_edge_of_a_character()
    {
        var message = TrustMessage.Create(TrustMessageType.Request, Own, Other, null, "\u001b[31m" + new string('é', 600), DateTimeOffset.UnixEpoch, new PinnedRandom(1));
        Assert.Equal("[31m" + new string('é', 510), message.Justification);
        Assert.Equal(message, TrustMessage.Read(message.Type, Sign(message), Own.Did, Own.PublicKey));
        var tooLong = message with { Justification = message.Justification + "é" };
        Assert.Null(TrustMessage.Read(tooLong.Type, Sign(tooLong), Own.Did, Own.PublicKey));
    }

    [Fact]
    public void A_key_of_small_order_signs_nothing()
    {
        var weak = new byte[32];
        weak[0] = 1;
        var message = TrustMessage.Create(TrustMessageType.Request, Own, Other, null, null, DateTimeOffset.UnixEpoch, new PinnedRandom(1));
        var signature = new byte[64];
        signature[0] = 1;
        Assert.Null(TrustMessage.Read(message.Type, Sign(message).With("v2_signature", StrictBase64.Encode(signature)), Own.Did, weak));
    }

    private static Gen<TrustMessage> Messages { get; } =
        from type in Gen.Elements(Types)
        from text in Properties.Texts
        from hasRequest in Gen.Elements(true, false)
        from seconds in Gen.Choose(0, int.MaxValue)
        from seed in Gen.Choose(0, 1_000_000)
        select TrustMessage.Create(
            type, Own, Other, type is TrustMessageType.Accept or TrustMessageType.Reject || (hasRequest && type == TrustMessageType.Revoke) ? Machine.Token : null, text, DateTimeOffset.FromUnixTimeSeconds(seconds), new PinnedRandom(seed));

    private static WireJson Sign(TrustMessage message)
    {
        using var own = new OwnIdentity(Own, SecretBytes.CopyOf(Seed));
        return message.Sign(own);
    }
}
