using System.Collections.Immutable;
using System.Text;
using WirePS.Cryptography;

namespace WirePS.Identity;

/// <summary>The first check that the claim of an operator did not pass, in the order of the checks (wire.md §1.7).</summary>
public enum OrgClaimFault
{
    /// <summary>Every check passed, or there is no claim.</summary>
    None,
    /// <summary>The card has no DID that an operator could have signed.</summary>
    MissingDid,
    /// <summary><c>op_did</c> is not the DID of an operator.</summary>
    NotAnOperator,
    /// <summary><c>op_pubkey</c> is missing or not 32 bytes of base64.</summary>
    OperatorKeyUnreadable,
    /// <summary><c>op_did</c> does not commit to <c>op_pubkey</c>.</summary>
    OperatorKeyMismatch,
    /// <summary><c>op_cert</c> is missing, or not the operator's signature of the card's DID.</summary>
    OperatorCertificateRejected,
    /// <summary>No entry of <c>org_memberships</c> holds.</summary>
    NoMembership,
}

/// <summary>
/// What a card claims of an operator and of organisations, checked (wire.md §1.7). For showing a peer's claims, never for
/// trust: anybody can make an operator and an organisation of any name.
/// </summary>
public sealed record OrgClaims
{
    private static readonly OrgClaims Nothing = new() { Fault = OrgClaimFault.None };

    private OrgClaims()
    {
    }

    /// <summary>The operator that vouches for the card; null where there is no claim or it was rejected.</summary>
    public string? OperatorDid { get; private init; }

    /// <summary>The organisations that vouch for the operator, in the card's order; empty unless verified.</summary>
    public ImmutableArray<string> OrganizationDids { get; private init; } = [];

    /// <summary>Why the claim was rejected.</summary>
    public required OrgClaimFault Fault { get; init; }

    /// <summary>True when the operator and at least one organisation hold.</summary>
    public bool IsVerified => OperatorDid is not null;

    /// <summary>True when there is a claim that does not hold.</summary>
    public bool IsRejected => Fault != OrgClaimFault.None;

    /// <summary>Checks what a card claims. That the card itself verifies is another matter (<see cref="AgentCard.Verify"/>).</summary>
    /// <param name="card">The card's JSON.</param>
    /// <exception cref="WireException">libsodium is missing or broken.</exception>
    public static OrgClaims Evaluate(WireJson card)
    {
        ArgumentNullException.ThrowIfNull(card);
        if (card.GetString("op_did") is not { } operatorDid)
        {
            return Nothing;
        }

        if (CheckOperator(card, operatorDid) is var fault and not OrgClaimFault.None)
        {
            return new() { Fault = fault };
        }

        ImmutableArray<string> organizations =
        [
            .. (card.GetArray("org_memberships")?.Items ?? []).Select(entry => MemberOf(entry, operatorDid)).OfType<string>(),
        ];
        return organizations.IsEmpty
            ? new() { Fault = OrgClaimFault.NoMembership }
            : new() { Fault = OrgClaimFault.None, OperatorDid = operatorDid, OrganizationDids = organizations };
    }

    /// <summary>True when the certificate is the key's signature of the DID's text; nothing in it tells what it is for.</summary>
    /// <param name="publicKey">The operator's or the organisation's key, 32 bytes.</param>
    /// <param name="did">The DID that is vouched for.</param>
    /// <param name="certificate">64 bytes in base64.</param>
    /// <exception cref="WireException">libsodium is missing or broken.</exception>
    public static bool IsCertified(ReadOnlySpan<byte> publicKey, string did, string? certificate)
    {
        ArgumentNullException.ThrowIfNull(did);
        return StrictBase64.TryDecode(certificate, Ed25519.SignatureBytes, out var signature)
            && Ed25519.Verify(publicKey, Encoding.UTF8.GetBytes(did), signature);
    }

    private static OrgClaimFault CheckOperator(WireJson card, string operatorDid)
    {
        if (card.GetString("did") is not { Length: > 0 } did)
        {
            return OrgClaimFault.MissingDid;
        }

        if (!WireDid.IsOperator(operatorDid))
        {
            return OrgClaimFault.NotAnOperator;
        }

        if (!StrictBase64.TryDecode(card.GetString("op_pubkey"), Ed25519.PublicKeyBytes, out var key))
        {
            return OrgClaimFault.OperatorKeyUnreadable;
        }

        if (!CommitsTo(operatorDid, key))
        {
            return OrgClaimFault.OperatorKeyMismatch;
        }

        return IsCertified(key, did, card.GetString("op_cert")) ? OrgClaimFault.None : OrgClaimFault.OperatorCertificateRejected;
    }

    // The organisation of an entry that holds; entries that do not are passed over.
    private static string? MemberOf(WireJson entry, string operatorDid)
        => entry.GetString("org_did") is { } organization
            && WireDid.IsOrganization(organization)
            && StrictBase64.TryDecode(entry.GetString("org_pubkey"), Ed25519.PublicKeyBytes, out var key)
            && CommitsTo(organization, key)
            && IsCertified(key, operatorDid, entry.GetString("member_cert"))
                ? organization
                : null;

    private static bool CommitsTo(string did, ReadOnlySpan<byte> key) => did.EndsWith("-" + Fingerprint.Long(key), StringComparison.Ordinal);
}
