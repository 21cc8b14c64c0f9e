using System.Collections.Frozen;
using System.Text.Json;

namespace WirePS.Relay.Storage;

/// <summary>Why a side leaves (pairing-v2.md §5).</summary>
internal static class PairReasons
{
    public const string Cancelled = "cancelled";

    /// <summary>No abort: this side has what it needs of a decided rendezvous.</summary>
    public const string Done = "done";

    /// <summary>Stands in a phase 9 whose real reason only the other side can open.</summary>
    private const string Sealed = "sealed";

    private static readonly FrozenSet<string> Aborts = FrozenSet.Create(
        StringComparer.Ordinal,
        "wrong_code",
        "commitment_mismatch",
        "identity_mismatch",
        "invalid_share",
        "sas_mismatch",
        "self_pairing",
        Cancelled,
        "expired",
        "crowded",
        "unsupported_version",
        "protocol_error",
        "relay_interference");

    public static bool IsAbort(string reason) => Aborts.Contains(reason);

    /// <summary>
    /// The reason that a phase 9 names. Null for one that is not known: the member of the state is the relay's word, and no place for a text
    /// of somebody's choice.
    /// </summary>
    /// <param name="message">A JSON object.</param>
    public static string? NamedBy(ReadOnlySpan<byte> message)
    {
        var reader = new Utf8JsonReader(message);
        reader.Read();
        string? reason = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isReason = reader.ValueTextEquals("reason"u8);
            reader.Read();
            if (isReason)
            {
                reason = reader.TokenType == JsonTokenType.String ? reader.GetString() : null;
            }

            reader.Skip();
        }

        return reason is not null && (reason == Sealed || IsAbort(reason)) ? reason : null;
    }
}
