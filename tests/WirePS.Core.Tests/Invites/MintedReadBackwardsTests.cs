using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using WirePS.Tests.Cryptography;
using WirePS.Tests.Support;
using Xunit;

namespace WirePS.Tests.Invites;

/// <summary>
/// What is minted for other programs, read from the text of wire.md §7.1 and §7.2 with nothing of this program's own: plain JSON, and
/// Ed25519 as RFC 8032 writes it down.
/// </summary>
public sealed class MintedReadBackwardsTests
{
    private static readonly string[] Order = ["v", "did", "card", "relay_url", "slot_id", "slot_token", "nonce", "exp"];

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task An_invite_holds_by_the_document_alone(int protocol)
    {
        using var scene = new InviteScene();
        var (_, url) = await scene.MintAsync(protocol: protocol);
        Assert.StartsWith(protocol == 1 ? "wire://pair?v=1&inv=" : "wire://pair?inv=", url.Text, StringComparison.Ordinal);
        var token = url.Text[(url.Text.IndexOf("inv=", StringComparison.Ordinal) + 4)..].Split('.');
        Assert.Equal(2, token.Length);
        var (payload, signature) = (Base64Url.DecodeFromChars(token[0]), Base64Url.DecodeFromChars(token[1]));
        Assert.Equal(token[0], Base64Url.EncodeToString(payload));

        using var document = JsonDocument.Parse(payload);
        var root = document.RootElement;
        Assert.Equal(protocol == 1 ? Order : [.. Order, "accept", "invite_id"], root.EnumerateObject().Select(static m => m.Name));
        Assert.DoesNotContain(' ', Encoding.UTF8.GetString(payload).Replace("\"name\":\"", "", StringComparison.Ordinal).Split("\"card\"")[0]);
        Assert.Equal(1, root.GetProperty("v").GetInt32());
        Assert.Matches("^[0-9a-f]{32}$", root.GetProperty("slot_id").GetString());
        Assert.Matches("^[0-9a-f]{64}$", root.GetProperty("slot_token").GetString());
        Assert.Matches("^[0-9a-f]{64}$", root.GetProperty("nonce").GetString());
        Assert.True(root.GetProperty("exp").GetUInt64() > (ulong)scene.Time.GetUtcNow().ToUnixTimeSeconds());

        var card = root.GetProperty("card");
        var key = Convert.FromBase64String(Assert.Single(card.GetProperty("verify_keys").EnumerateObject()).Value.GetProperty("key").GetString()!);
        var fingerprint = Convert.ToHexStringLower(SHA256.HashData(key))[..8];
        Assert.EndsWith("-" + fingerprint, card.GetProperty("did").GetString(), StringComparison.Ordinal);
        Assert.Equal(card.GetProperty("did").GetString(), root.GetProperty("did").GetString());
        Assert.True(Verifies(key, payload, signature));
        payload[^2] ^= 1;
        Assert.False(Verifies(key, payload, signature));

        var signed = Encoding.UTF8.GetBytes(Canonical(card, "signature", "public_key_id"));
        Assert.True(Verifies(key, signed, Convert.FromBase64String(card.GetProperty("signature").GetString()!)));
    }

    // Sorted members, no white space; the texts of a card are plain.
    private static string Canonical(JsonElement value, params string[] without) => value.ValueKind switch
    {
        JsonValueKind.Object => "{" + string.Join(',', value.EnumerateObject()
            .Where(m => !without.Contains(m.Name))
            .OrderBy(static m => m.Name, StringComparer.Ordinal)
            .Select(static m => $"\"{m.Name}\":{Canonical(m.Value)}")) + "}",
        JsonValueKind.Array => "[" + string.Join(',', value.EnumerateArray().Select(static v => Canonical(v))) + "]",
        _ => value.GetRawText(),
    };

    // RFC 8032, §5.1.7: s·B = R + k·A.
    private static bool Verifies(byte[] key, byte[] message, byte[] signature)
    {
        if (EdwardsReference.Decode(key) is not { } a || EdwardsReference.Decode(signature.AsSpan(0, 32)) is not { } r)
        {
            return false;
        }

        var s = EdwardsReference.Number(signature.AsSpan(32));
        var k = EdwardsReference.Number(SHA512.HashData([.. signature.AsSpan(0, 32), .. key, .. message])) % EdwardsReference.Order;
        return s < EdwardsReference.Order
            && EdwardsReference.Encode(EdwardsReference.Multiply(s, EdwardsReference.Base))
                .AsSpan().SequenceEqual(EdwardsReference.Encode(EdwardsReference.Add(r, EdwardsReference.Multiply(k, a))));
    }
}
