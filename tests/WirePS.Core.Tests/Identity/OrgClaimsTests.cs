using System.Security.Cryptography;
using System.Text;
using WirePS.Cryptography;
using WirePS.Identity;
using Xunit;

namespace WirePS.Tests.Identity;

public sealed class OrgClaimsTests
{
    private static readonly byte[] OperatorSeed = SHA256.HashData("operator"u8);
    private static readonly byte[] OrganizationSeed = SHA256.HashData("organisation"u8);
    private static readonly string OperatorDid = WireDid.ForOperator("olga", Ed25519.PublicKey(OperatorSeed));
    private static readonly string OrganizationDid = WireDid.ForOrganization("acme", Ed25519.PublicKey(OrganizationSeed));

    [Fact]
    public void A_card_without_a_claim_claims_nothing()
    {
        var claims = OrgClaims.Evaluate(Card().Without("op_did"));
        Assert.Equal((false, false, OrgClaimFault.None), (claims.IsVerified, claims.IsRejected, claims.Fault));
    }

    [Fact]
    public void A_claim_that_holds_names_its_operator_and_organisations()
    {
        var claims = OrgClaims.Evaluate(Card());
        Assert.True(claims.IsVerified);
        Assert.Equal(OperatorDid, claims.OperatorDid);
        Assert.Equal(OrganizationDid, Assert.Single(claims.OrganizationDids));
    }

    [Theory]
    [InlineData("did", OrgClaimFault.MissingDid)]
    [InlineData("op_pubkey", OrgClaimFault.OperatorKeyUnreadable)]
    [InlineData("op_cert", OrgClaimFault.OperatorCertificateRejected)]
    [InlineData("org_memberships", OrgClaimFault.NoMembership)]
    public void A_claim_without_one_of_its_parts_is_rejected(string member, OrgClaimFault fault)
    {
        var claims = OrgClaims.Evaluate(Card().Without(member));
        Assert.Equal((false, true, fault), (claims.IsVerified, claims.IsRejected, claims.Fault));
        Assert.Equal((null, 0), (claims.OperatorDid, claims.OrganizationDids.Length));
    }

    [Fact]
    public void The_operators_certificate_is_for_this_card_alone()
    {
        var claims = OrgClaims.Evaluate(Card().With("did", "did:wire:mallory-00000000"));
        Assert.Equal(OrgClaimFault.OperatorCertificateRejected, claims.Fault);
    }

    [Fact]
    public void An_operator_cannot_take_the_place_of_its_organisation()
    {
        // Both certificates are bare signatures of a DID: only the prefix of the DID tells which is which.
        var membership = WireJson.ObjectOf(
            ("org_did", WireJson.From(OperatorDid)),
            ("org_pubkey", WireJson.From(StrictBase64.Encode(Ed25519.PublicKey(OperatorSeed)))),
            ("member_cert", WireJson.From(Certificate(OperatorSeed, OperatorDid))));
        Assert.Equal(OrgClaimFault.NoMembership, OrgClaims.Evaluate(Card().With("org_memberships", WireJson.ArrayOf([membership]))).Fault);
    }

    private static WireJson Card()
    {
        var did = WireDid.ForSession("alice", Ed25519.PublicKey(new byte[32]));
        return WireJson.ObjectOf(
            ("did", WireJson.From(did)),
            ("op_did", WireJson.From(OperatorDid)),
            ("op_pubkey", WireJson.From(StrictBase64.Encode(Ed25519.PublicKey(OperatorSeed)))),
            ("op_cert", WireJson.From(Certificate(OperatorSeed, did))),
            ("org_memberships", WireJson.ArrayOf(
            [
                WireJson.ObjectOf(
                    ("org_did", WireJson.From(OrganizationDid)),
                    ("org_pubkey", WireJson.From(StrictBase64.Encode(Ed25519.PublicKey(OrganizationSeed)))),
                    ("member_cert", WireJson.From(Certificate(OrganizationSeed, OperatorDid)))),
            ])));
    }

    private static string Certificate(byte[] seed, string did) => StrictBase64.Encode(Ed25519.Sign(seed, Encoding.UTF8.GetBytes(did)));
}
