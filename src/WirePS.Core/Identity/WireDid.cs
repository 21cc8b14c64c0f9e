namespace WirePS.Identity;

/// <summary>
/// DIDs of wire (wire.md §1.2): <c>did:wire:handle-fingerprint</c> for a session, <c>did:wire:op:</c> and <c>did:wire:org:</c>
/// with 32 hex digits for operators and organisations. A DID commits to 32 bits of the key only (flaw C10): trust is always
/// by the full key.
/// </summary>
public static class WireDid
{
    private const string Scheme = "did:";
    private const string SessionPrefix = "did:wire:";
    private const string OperatorPrefix = "did:wire:op:";
    private const string OrganizationPrefix = "did:wire:org:";
    private const int ShortHexLength = 8;
    private const int LongHexLength = 32;

    /// <summary>The DID of an identity; a handle that is a DID already stays as it is.</summary>
    /// <param name="handle">The bare handle.</param>
    /// <param name="publicKey">32 bytes.</param>
    public static string ForSession(string handle, ReadOnlySpan<byte> publicKey)
    {
        ArgumentNullException.ThrowIfNull(handle);
        return handle.StartsWith(Scheme, StringComparison.Ordinal) ? handle : $"{SessionPrefix}{handle}-{Fingerprint.Short(publicKey)}";
    }

    /// <summary>The DID of an operator.</summary>
    public static string ForOperator(string handle, ReadOnlySpan<byte> publicKey) => $"{OperatorPrefix}{handle}-{Fingerprint.Long(publicKey)}";

    /// <summary>The DID of an organisation.</summary>
    public static string ForOrganization(string handle, ReadOnlySpan<byte> publicKey) => $"{OrganizationPrefix}{handle}-{Fingerprint.Long(publicKey)}";

    /// <summary>The handle that a DID shows: without <c>did:wire:</c> and without a last <c>-</c> and eight hex digits. Takes a bare handle as well.</summary>
    public static string DisplayHandle(string did)
    {
        ArgumentNullException.ThrowIfNull(did);
        var rest = did.StartsWith(SessionPrefix, StringComparison.Ordinal) ? did[SessionPrefix.Length..] : did;
        var dash = rest.LastIndexOf('-');
        return dash >= 0 && IsHex(rest.AsSpan(dash + 1), ShortHexLength) ? rest[..dash] : rest;
    }

    /// <summary>The text before the first <c>@</c>.</summary>
    public static string BareHandle(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var at = text.IndexOf('@', StringComparison.Ordinal);
        return at < 0 ? text : text[..at];
    }

    /// <summary>True for the DID of an operator: its prefix, and 32 hex digits after the last <c>-</c>.</summary>
    public static bool IsOperator(string did) => IsLong(did, OperatorPrefix);

    /// <summary>True for the DID of an organisation: its prefix, and 32 hex digits after the last <c>-</c>.</summary>
    public static bool IsOrganization(string did) => IsLong(did, OrganizationPrefix);

    /// <summary>True when the DID is a session's and ends in <c>-</c> and the key's fingerprint in lower case (wire.md §1.6, step 6).</summary>
    /// <param name="did">The DID.</param>
    /// <param name="publicKey">32 bytes.</param>
    public static bool CommitsTo(string did, ReadOnlySpan<byte> publicKey)
    {
        ArgumentNullException.ThrowIfNull(did);
        return did.StartsWith(SessionPrefix, StringComparison.Ordinal)
            && !did.StartsWith(OperatorPrefix, StringComparison.Ordinal)
            && !did.StartsWith(OrganizationPrefix, StringComparison.Ordinal)
            && did.EndsWith("-" + Fingerprint.Short(publicKey), StringComparison.Ordinal);
    }

    private static bool IsLong(string did, string prefix)
    {
        ArgumentNullException.ThrowIfNull(did);
        return did.StartsWith(prefix, StringComparison.Ordinal) && IsHex(did.AsSpan(did.LastIndexOf('-') + 1), LongHexLength);
    }

    private static bool IsHex(ReadOnlySpan<char> text, int length)
    {
        if (text.Length != length)
        {
            return false;
        }

        foreach (var c in text)
        {
            if (!char.IsAsciiHexDigit(c))
            {
                return false;
            }
        }

        return true;
    }
}
