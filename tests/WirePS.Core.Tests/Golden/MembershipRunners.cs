using WirePS.Identity;

namespace WirePS.Tests.Golden;

/// <summary>Claims of operators and organisations.</summary>
internal static class MembershipRunners
{
    public static GoldenOutcome Memberships(GoldenCase golden)
    {
        var answers = new GoldenAnswers(golden);
        if (golden.Text("cert") is { } certificate)
        {
            answers.Truth("ok", () => OrgClaims.IsCertified(golden.Hex("public_key_hex"), golden.Text("did")!, certificate));
            return answers.Outcome();
        }

        var claims = OrgClaims.Evaluate(WireJson.Parse(golden.Text("card_text")!));
        answers.Text("outcome", () => claims.IsVerified ? "verified" : claims.IsRejected ? "rejected" : "no_claim");
        answers.Text("op_did", () => claims.OperatorDid);
        answers.Equal("org_dids", TextsOf(golden), string.Join(' ', claims.OrganizationDids));
        answers.Equal("fault", FaultOf(golden.Text("reason")), claims.Fault);
        return answers.Outcome();
    }

    private static string TextsOf(GoldenCase golden)
        => golden.Data.TryGetProperty("org_dids", out var texts) ? string.Join(' ', texts.EnumerateArray().Select(text => text.GetString())) : "";

    private static OrgClaimFault FaultOf(string? reason) => reason switch
    {
        null => OrgClaimFault.None,
        "card has no `did` to bind the operator cert to" => OrgClaimFault.MissingDid,
        "`op_pubkey` missing or not a 32-byte base64 key" => OrgClaimFault.OperatorKeyUnreadable,
        "`op_pubkey` does not match the `op_did` hash commitment" => OrgClaimFault.OperatorKeyMismatch,
        "no `org_memberships[]` entry verified (commitment + member_cert)" => OrgClaimFault.NoMembership,
        _ when reason.StartsWith("`op_did` slot holds a non-operator DID", StringComparison.Ordinal) => OrgClaimFault.NotAnOperator,
        _ when reason.StartsWith("`op_cert`", StringComparison.Ordinal) => OrgClaimFault.OperatorCertificateRejected,
        _ => throw new InvalidDataException("A reason that no fault stands for: " + reason),
    };
}
