using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Unicode;
using WirePS.Identity;
using WirePS.Storage;

namespace WirePS.Invites;

/// <summary>
/// The invites that this home has issued: one private file each in <c>state/wire/pending-invites</c>, named by its id,
/// changed under one lock.
/// </summary>
/// <param name="home">The home.</param>
/// <param name="files">Its files.</param>
public sealed class InviteStore(WireHome home, IFileSystem files)
{
    // A use takes about 400 bytes, and there are at most InviteOperations.MostUses.
    private const int MaxFileBytes = 8 * 1024 * 1024;
    private const string Ending = ".json";

    private static readonly IssuedInviteJson Json = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        AllowDuplicateProperties = false,
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });

    private readonly string _lockFile = home.LockFile("invites");

    /// <summary>All, oldest first. A file that cannot be read stays and is not among them; it stops nothing.</summary>
    /// <param name="unreadable">Takes the trouble with each that cannot be read.</param>
    public IReadOnlyList<IssuedInvite> List(Action<WireException>? unreadable = null)
    {
        var invites = new List<IssuedInvite>();
        foreach (var path in files.List(home.PendingInviteFolder).Select(static f => f.Path).Where(static p => InvitePayload.IsInviteId(Path.GetFileNameWithoutExtension(p))))
        {
            try
            {
                if (Load(Path.GetFileNameWithoutExtension(path)) is { } invite)
                {
                    invites.Add(invite);
                }
            }
            catch (WireException error)
            {
                unreadable?.Invoke(error);
            }
        }

        return [.. invites.OrderBy(static i => i.CreatedAt).ThenBy(static i => i.InviteId, StringComparer.Ordinal)];
    }

    /// <summary>One invite; null where there is none of that id.</summary>
    /// <exception cref="WireException">The reasons of <see cref="IFileSystem.ReadPrivate"/>, and of the format.</exception>
    public IssuedInvite? Load(string inviteId)
    {
        if (!InvitePayload.IsInviteId(inviteId) || files.ReadPrivate(PathOf(inviteId), MaxFileBytes) is not { } text)
        {
            return null;
        }

        var path = PathOf(inviteId);
        try
        {
            var invite = Utf8.IsValid(text) ? JsonSerializer.Deserialize(text, Json.IssuedInvite) : null;
            return invite is { Version: > 1 } ? throw new WireException(WireReason.FileNewerVersion, null, path)
                : invite is not null && IsSound(invite, inviteId) ? invite
                : throw new WireException(WireReason.FileCorrupt, null, path);
        }
        catch (Exception error) when (error is JsonException or ArgumentException or InvalidOperationException)
        {
            throw new WireException(WireReason.FileCorrupt, null, path, error);
        }
    }

    /// <summary>Keeps everybody else from changing invites until it is disposed.</summary>
    internal ValueTask<IDisposable> LockAsync(CancellationToken cancellationToken) => files.LockAsync(_lockFile, cancellationToken);

    /// <summary>Writes one. Only under <see cref="LockAsync"/>.</summary>
    internal void Write(IssuedInvite invite) => files.WritePrivate(PathOf(invite.InviteId), JsonSerializer.SerializeToUtf8Bytes(invite, Json.IssuedInvite));

    /// <summary>Takes one out. Only under <see cref="LockAsync"/>.</summary>
    internal void Delete(string inviteId) => files.Delete(PathOf(inviteId));

    private string PathOf(string inviteId) => Path.Combine(home.PendingInviteFolder, inviteId + Ending);

    private static bool IsSound(IssuedInvite invite, string inviteId) =>
        invite.InviteId == inviteId
        && invite.Protocol is 1 or 2
        && invite.PublicKey is { Length: 64 } && invite.PublicKey.All(char.IsAsciiHexDigitLower)
        && InvitePayload.IsInviteId(invite.GrantId)
        && invite.Uses > 0
        && !invite.Accepted.IsDefault && invite.Accepted.All(static use => use is { Key.Length: 64, Did: not null, GrantId: not null, GrantToken: not null });
}
