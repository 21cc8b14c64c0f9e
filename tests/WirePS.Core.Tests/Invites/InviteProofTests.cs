using System.Security.Cryptography;
using System.Text;
using WirePS.Cryptography;
using WirePS.Identity;
using WirePS.Invites;
using WirePS.Tests.Cryptography;
using WirePS.Trust;
using Xunit;

namespace WirePS.Tests.Invites;

public sealed class InviteProofTests
{
    private const string Id = "00112233445566778899aabbccddeeff";
    private const string OtherId = "ffeeddccbbaa99887766554433221100";

    private static readonly byte[] IssuerSeed = SHA256.HashData("issuer"u8);
    private static readonly byte[] Nonce = SHA256.HashData("nonce"u8);
    private static readonly byte[] Issuer = Ed25519.PublicKey(IssuerSeed);
    private static readonly byte[] Acceptor = Ed25519.PublicKey(SHA256.HashData("acceptor"u8));
    private static readonly byte[] Stranger = Ed25519.PublicKey(SHA256.HashData("stranger"u8));
    private static readonly byte[] Key = InviteProof.PublicKey(Nonce);
    private static readonly WireJson Body = WireJson.ObjectOf(("slot_id", WireJson.From("s")), ("card", WireJson.EmptyObject.With("signature", "kept")));

    [Fact]
    public void The_key_and_the_signed_text_are_those_of_the_specification()
    {
        // HKDF-SHA256 with an empty salt, written out.
        var extracted = HMACSHA256.HashData(new byte[32], Nonce);
        byte[] info = [.. "WirePS/v2 invite key"u8, 1];
        var seed = HMACSHA256.HashData(extracted, info);
        Assert.Equal(Ed25519.PublicKey(seed), Key);

        byte[] text =
        [
            .. "WirePS/v2 invite\0"u8, .. Convert.FromHexString(Id), .. Issuer, .. Acceptor,
            .. SHA256.HashData(Encoding.UTF8.GetBytes("""{"card":{"signature":"kept"},"slot_id":"s"}""")),
        ];
        var proof = Proven().GetObject("invite_proof")!;
        Assert.Equal(2, proof.Count);
        Assert.Equal((Id, Convert.ToBase64String(Ed25519.Sign(seed, text))), (proof.GetString("id"), proof.GetString("sig")));
    }

    [Fact]
    public void It_holds_for_the_two_sides_and_the_body_it_was_made_for()
    {
        var proven = Proven();
        Assert.Equal(Id, InviteProof.IdOf(proven));
        Assert.True(InviteProof.Verify(proven, Key, Id, Issuer, Acceptor));
        Assert.False(InviteProof.Verify(proven, Key, Id, Issuer, Stranger));
        Assert.False(InviteProof.Verify(proven, Key, Id, Stranger, Acceptor));
        Assert.False(InviteProof.Verify(proven, Key, OtherId, Issuer, Acceptor));
        Assert.False(InviteProof.Verify(proven, InviteProof.PublicKey(new byte[32]), Id, Issuer, Acceptor));
        Assert.False(InviteProof.Verify(proven.With("slot_id", "t"), Key, Id, Issuer, Acceptor));
        Assert.False(InviteProof.Verify(proven.With("more", true), Key, Id, Issuer, Acceptor));
        Assert.False(InviteProof.Verify(proven.With("signature", "x"), Key, Id, Issuer, Acceptor));
    }

    [Fact]
    public void The_id_in_the_proof_is_signed()
    {
        var moved = Proven().With("invite_proof", Proven().GetObject("invite_proof")!.With("id", OtherId));
        Assert.False(InviteProof.Verify(moved, Key, OtherId, Issuer, Acceptor));
    }

    [Fact]
    public void A_second_proof_replaces_the_first_and_is_the_same()
    {
        var twice = InviteProof.Attach(Proven(), Invite(Id), Acceptor);
        Assert.Equal(Proven().ToCompactString(), twice.ToCompactString());
    }

    [Fact]
    public void Every_changed_character_of_the_signature_is_refused()
    {
        var signature = Proven().GetObject("invite_proof")!.GetString("sig")!;
        for (var place = 0; place < signature.Length; place++)
        {
            var changed = signature[..place] + (signature[place] == 'A' ? 'B' : 'A') + signature[(place + 1)..];
            var body = Body.With("invite_proof", WireJson.ObjectOf(("id", WireJson.From(Id)), ("sig", WireJson.From(changed))));
            Assert.False(InviteProof.Verify(body, Key, Id, Issuer, Acceptor));
        }
    }

    [Fact]
    public void Any_body_is_answered_with_yes_or_no()
        => Properties.Hold(Properties.Json, body =>
            !InviteProof.Verify(body, Key, Id, Issuer, Acceptor)
            && InviteProof.IdOf(body) is null
            && (!body.IsObject || !InviteProof.Verify(body.With("invite_proof", body), Key, Id, Issuer, Acceptor)));

    [Theory]
    [InlineData("""{"invite_proof":"x"}""")]
    [InlineData("""{"invite_proof":{}}""")]
    [InlineData("""{"invite_proof":{"id":5}}""")]
    [InlineData("""{"invite_proof":{"id":"../../etc/passwd-0123456789abcdef"}}""")]
    [InlineData("""{"invite_proof":{"id":"00112233445566778899AABBCCDDEEFF"}}""")]
    public void An_id_of_another_shape_is_none(string body) => Assert.Null(InviteProof.IdOf(WireJson.Parse(body)));

    [Fact]
    public void Wrong_sizes_are_refused()
    {
        Assert.Throws<ArgumentException>(() => InviteProof.PublicKey(new byte[31]));
        Assert.Throws<ArgumentException>(() => InviteProof.Attach(Body, Invite(Id), new byte[31]));
        Assert.Throws<ArgumentException>(() => InviteProof.Attach(Body, Invite(null), Acceptor));
        Assert.Throws<ArgumentException>(() => InviteProof.Verify(Proven(), Key, Id, new byte[31], Acceptor));
    }

    private static WireJson Proven() => InviteProof.Attach(Body, Invite(Id), Acceptor);

    private static InvitePayload Invite(string? id)
    {
        using var issuer = new OwnIdentity(AgentCard.Create(IssuerSeed, "issuer"), SecretBytes.CopyOf(IssuerSeed));
        var route = new PeerRoute("https://relay.example.com", new string('a', 32), new string('b', 64));
        return InviteUrl.Mint(issuer, route, Nonce, DateTimeOffset.UnixEpoch, id).Payload;
    }
}
